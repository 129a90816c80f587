package dev.consilium.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

/** Feeds a decoder. */
final class Streams {

  private Streams() {}

  /** All text of a stream; checks on the way that no piece splits a character. */
  static String decode(IncrementalDecoder decoder, int[] ids) {
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      text.append(wellFormed(decoder.append(id)));
    }
    return text.append(wellFormed(decoder.flush())).toString();
  }

  private static String wellFormed(String piece) {
    assertThat(Surrogates.indexOfUnpaired(piece, 0))
        .as("unpaired surrogate in a piece")
        .isNegative();
    return piece;
  }
}
