package dev.consilium.model.tokenizer;

/** What a Java string needs before it can be UTF-8. */
final class Surrogates {

  private static final char REPLACEMENT = '\uFFFD';

  private Surrogates() {}

  /** Bytes of the text in UTF-8, an unpaired surrogate counting as the three bytes of U+FFFD. */
  static long utf8Length(String text) {
    long bytes = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < 0x80) {
        bytes++;
      } else if (c < 0x800) {
        bytes += 2;
      } else if (isPair(text, i)) {
        bytes += 4;
        i++;
      } else {
        bytes += 3;
      }
    }
    return bytes;
  }

  /** The text with U+FFFD in place of every surrogate that is not one of a pair. */
  static String replaceUnpaired(String text) {
    int first = indexOfUnpaired(text, 0);
    if (first < 0) {
      return text;
    }
    StringBuilder valid = new StringBuilder(text);
    for (int at = first; at >= 0; at = indexOfUnpaired(text, at + 1)) {
      valid.setCharAt(at, REPLACEMENT);
    }
    return valid.toString();
  }

  /**
   * The first unpaired surrogate at or after {@code from} (which is not the second of a pair), or
   * -1.
   */
  static int indexOfUnpaired(String text, int from) {
    for (int i = from; i < text.length(); i++) {
      if (isPair(text, i)) {
        i++;
      } else if (Character.isSurrogate(text.charAt(i))) {
        return i;
      }
    }
    return -1;
  }

  private static boolean isPair(String text, int at) {
    return at + 1 < text.length()
        && Character.isSurrogatePair(text.charAt(at), text.charAt(at + 1));
  }
}
