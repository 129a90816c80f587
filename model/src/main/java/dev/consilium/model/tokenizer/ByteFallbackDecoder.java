package dev.consilium.model.tokenizer;

import java.util.OptionalInt;

/**
 * For SentencePiece-like vocabularies: tokens stand for text, but for tokens such as {@code <0xE2>}
 * that stand for one byte.
 *
 * <p>A run of byte tokens is read as a whole: valid UTF-8 gives its characters, anything else gives
 * one U+FFFD for <em>every</em> byte of the run. So a run is held until it ends, or is certainly
 * invalid, or has {@value #MAX_HELD_BYTES} bytes and ends with a complete character: a long passage
 * in a script that the vocabulary lacks has to stream, too. (Only if such a long run turns invalid
 * later does the text differ from decoding everything at once: by keeping the characters that were
 * valid.)
 *
 * <p>The decoder of such a file takes the space off the first token's text, and off none else. So
 * every piece but the first is decoded behind the byte token of the letter A, which is one
 * character, joins with valid and invalid runs alike, and is cut off again.
 */
final class ByteFallbackDecoder extends IncrementalDecoder {

  static final int MAX_HELD_BYTES = 48;

  private final Tokenizer tokenizer;
  private final Vocabulary vocabulary;
  private final int letterA;
  private final TokenWindow run = new TokenWindow();
  private final Utf8Validity validity = new Utf8Validity();
  private boolean started;

  ByteFallbackDecoder(Tokenizer tokenizer, Vocabulary vocabulary, boolean skipSpecialTokens) {
    super(vocabulary, skipSpecialTokens);
    this.tokenizer = tokenizer;
    this.vocabulary = vocabulary;
    this.letterA = letterA(vocabulary).orElseThrow();
  }

  /** The token of the byte 0x41, if the vocabulary has it. */
  static OptionalInt letterA(Vocabulary vocabulary) {
    return vocabulary.id("<0x41>");
  }

  @Override
  String appendKnown(int id) {
    OptionalInt value = vocabulary.byteOf(id);
    if (value.isEmpty()) {
      return flushHeld() + decode(new int[] {id});
    }
    run.add(id);
    validity.accept(value.getAsInt());
    return mustHold() ? "" : release();
  }

  @Override
  String flushHeld() {
    String text = run.size() == 0 ? "" : release();
    validity.reset();
    return text;
  }

  /** An invalid run stays invalid, so from then on each byte is a U+FFFD of its own at once. */
  private boolean mustHold() {
    return switch (validity.state()) {
      case INVALID -> false;
      case INCOMPLETE -> true;
      case COMPLETE -> run.size() < MAX_HELD_BYTES;
    };
  }

  /** Decodes what is held; the run may go on, and {@code validity} remembers how it began. */
  private String release() {
    boolean lone = validity.state() == Utf8Validity.State.INVALID;
    String text = lone ? replacements(run.size()) : decode(run.all());
    started = true;
    run.clear();
    return text;
  }

  private static String replacements(int count) {
    return "\uFFFD".repeat(count);
  }

  private String decode(int[] ids) {
    if (!started) {
      started = true;
      return tokenizer.decode(ids, false);
    }
    int[] behindA = new int[ids.length + 1];
    behindA[0] = letterA;
    System.arraycopy(ids, 0, behindA, 1, ids.length);
    return tokenizer.decode(behindA, false).substring(1);
  }
}
