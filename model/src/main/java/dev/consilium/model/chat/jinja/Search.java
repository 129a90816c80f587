package dev.consilium.model.chat.jinja;

/**
 * Finds one string in another in time that grows with the sum of their lengths. Java's {@code
 * indexOf} may take their product, which is fine for the short parts that templates look for and a
 * denial of service for two long ones made to match almost.
 */
final class Search {

  /** Up to here the plain search costs at most this many comparisons per character. */
  static final int SHORT_PART = 64;

  private Search() {}

  /** The first occurrence at or after {@code from}, or -1. */
  static int indexOf(String text, String part, int from) {
    return part.length() <= SHORT_PART ? text.indexOf(part, from) : scan(text, part, from, true);
  }

  static boolean contains(String text, String part) {
    return indexOf(text, part, 0) >= 0;
  }

  /** The last occurrence, or -1. */
  static int lastIndexOf(String text, String part) {
    return part.length() <= SHORT_PART ? text.lastIndexOf(part) : scan(text, part, 0, false);
  }

  /** Knuth, Morris and Pratt: how much of {@code part} the text read so far ends with. */
  private static int scan(String text, String part, int from, boolean first) {
    int[] fallback = fallback(part);
    int found = -1;
    int matched = 0;
    for (int i = from; i < text.length(); i++) {
      matched = extend(part, fallback, matched, text.charAt(i));
      if (matched == part.length()) {
        found = i + 1 - matched;
        if (first) {
          return found;
        }
        matched = fallback[matched - 1];
      }
    }
    return found;
  }

  private static int[] fallback(String part) {
    int[] fallback = new int[part.length()];
    for (int i = 1; i < part.length(); i++) {
      fallback[i] = extend(part, fallback, fallback[i - 1], part.charAt(i));
    }
    return fallback;
  }

  private static int extend(String part, int[] fallback, int matched, char c) {
    int at = matched;
    while (at > 0 && part.charAt(at) != c) {
      at = fallback[at - 1];
    }
    return part.charAt(at) == c ? at + 1 : 0;
  }
}
