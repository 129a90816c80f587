package dev.consilium.model.chat.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Python's operations on strings, counted in code points. */
final class PythonStrings {

  private PythonStrings() {}

  static int length(String text) {
    return text.codePointCount(0, text.length());
  }

  /** Python's {@code str.isspace} of one character. */
  static boolean isSpace(int c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
  }

  static String strip(String text) {
    return stripStart(stripEnd(text));
  }

  static String stripEnd(String text) {
    int end = text.length();
    while (end > 0 && isSpace(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(0, end);
  }

  static String stripStart(String text) {
    int start = 0;
    while (start < text.length() && isSpace(text.charAt(start))) {
      start++;
    }
    return text.substring(start);
  }

  static String stripStart(String text, String characters) {
    int start = 0;
    while (start < text.length() && characters.indexOf(text.codePointAt(start)) >= 0) {
      start += Character.charCount(text.codePointAt(start));
    }
    return text.substring(start);
  }

  static String stripEnd(String text, String characters) {
    int end = text.length();
    while (end > 0 && characters.indexOf(text.codePointBefore(end)) >= 0) {
      end -= Character.charCount(text.codePointBefore(end));
    }
    return text.substring(0, end);
  }

  /** Order by code points; UTF-16 order differs above U+FFFF. */
  static int compare(String left, String right) {
    int common = Math.min(left.length(), right.length());
    for (int i = 0; i < common; i++) {
      char a = left.charAt(i);
      char b = right.charAt(i);
      if (a != b) {
        boolean surrogates = Character.isSurrogate(a) != Character.isSurrogate(b);
        return surrogates ? (Character.isSurrogate(a) ? 1 : -1) : Character.compare(a, b);
      }
    }
    return Integer.compare(left.length(), right.length());
  }

  /** {@code split} at whitespace; {@code limit} cuts at most, negative for no limit. */
  static List<String> splitAtSpace(String text, int limit) {
    List<String> parts = new ArrayList<>();
    int start = skip(text, 0, true);
    while (start < text.length()) {
      int end = parts.size() == limit ? text.length() : skip(text, start, false);
      parts.add(text.substring(start, end));
      start = skip(text, end, true);
    }
    return parts;
  }

  /** The first index from {@code from} on that is not whitespace (or is). */
  private static int skip(String text, int from, boolean spaces) {
    int at = from;
    while (at < text.length() && isSpace(text.charAt(at)) == spaces) {
      at++;
    }
    return at;
  }

  static List<String> split(String text, String separator, int limit) {
    List<String> parts = new ArrayList<>();
    int start = 0;
    for (int at = Search.indexOf(text, separator, 0);
        at >= 0 && parts.size() != limit;
        at = Search.indexOf(text, separator, start)) {
      parts.add(text.substring(start, at));
      start = at + separator.length();
    }
    parts.add(text.substring(start));
    return parts;
  }

  static List<String> splitFromEnd(String text, String separator, int limit) {
    List<String> parts = new ArrayList<>();
    int end = text.length();
    for (int at = text.lastIndexOf(separator);
        at >= 0 && parts.size() != limit;
        at = text.lastIndexOf(separator, end - separator.length())) {
      parts.add(text.substring(at + separator.length(), end));
      end = at;
      if (end < separator.length()) {
        break;
      }
    }
    parts.add(text.substring(0, end));
    return parts.reversed();
  }

  static List<String> lines(String text, boolean keepEnds) {
    List<String> lines = new ArrayList<>();
    int start = 0;
    while (start < text.length()) {
      int end = start;
      while (end < text.length() && !isLineEnd(text.charAt(end))) {
        end++;
      }
      int next = end < text.length() && text.startsWith("\r\n", end) ? end + 2 : end + 1;
      next = Math.min(next, text.length());
      lines.add(text.substring(start, keepEnds ? next : end));
      start = next;
    }
    return lines;
  }

  private static boolean isLineEnd(char c) {
    return (c >= '\n' && c <= '\r')
        || (c >= 0x1c && c <= 0x1e)
        || c == 0x85
        || c == 0x2028
        || c == 0x2029;
  }

  /** {@code replace}; {@code limit} replacements at most, negative for no limit. */
  static String replace(String text, String old, String replacement, int limit) {
    if (old.isEmpty()) {
      return interleave(text, replacement, limit);
    }
    StringBuilder result = new StringBuilder();
    int start = 0;
    int at = Search.indexOf(text, old, 0);
    for (int done = 0; at >= 0 && done != limit; done++) {
      result.append(text, start, at).append(replacement);
      start = at + old.length();
      at = Search.indexOf(text, old, start);
    }
    return result.append(text, start, text.length()).toString();
  }

  /** The empty string is found before each character and at the end. */
  private static String interleave(String text, String replacement, int limit) {
    StringBuilder result = new StringBuilder();
    int done = 0;
    for (int c : text.codePoints().toArray()) {
      result.append(done++ < limit || limit < 0 ? replacement : "").appendCodePoint(c);
    }
    return result.append(done < limit || limit < 0 ? replacement : "").toString();
  }

  /** Non-overlapping occurrences. */
  static int count(String text, String part) {
    if (part.isEmpty()) {
      return length(text) + 1;
    }
    int count = 0;
    for (int at = Search.indexOf(text, part, 0);
        at >= 0;
        at = Search.indexOf(text, part, at + part.length())) {
      count++;
    }
    return count;
  }

  static String upper(String text) {
    return text.toUpperCase(Locale.ROOT);
  }

  static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }

  static String capitalize(String text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = Character.charCount(text.codePointAt(0));
    return titleCase(text.codePointAt(0)) + lower(text.substring(first));
  }

  /** {@code str.title}: a capital after everything that is not a letter. */
  static String title(String text) {
    StringBuilder result = new StringBuilder();
    boolean inWord = false;
    for (int c : text.codePoints().toArray()) {
      result.append(inWord ? lower(Character.toString(c)) : titleCase(c));
      inWord = Character.isLetter(c);
    }
    return result.toString();
  }

  static String titleCase(int c) {
    return Character.toString(Character.toTitleCase(c));
  }

  /** The code point at {@code index}, which counts from the end if negative. */
  static Optional<String> at(String text, int index) {
    int length = length(text);
    int from = index < 0 ? index + length : index;
    if (from < 0 || from >= length) {
      return Optional.empty();
    }
    return Optional.of(Character.toString(text.codePointAt(text.offsetByCodePoints(0, from))));
  }

  static String slice(String text, SliceBounds bounds) {
    int[] codePoints = text.codePoints().toArray();
    StringBuilder result = new StringBuilder();
    bounds.indexes(codePoints.length).forEach(i -> result.appendCodePoint(codePoints[i]));
    return result.toString();
  }
}
