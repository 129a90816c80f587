package dev.consilium.model.chat.jinja;

/**
 * The escapes of Python's string literals. An unknown escape stays as it is written, backslash
 * included.
 */
final class StringLiterals {

  private static final String NAMED = "abfnrtv\\'\"";
  private static final String MEANT = "\u0007\b\f\n\r\t\u000b\\'\"";

  private final String literal;
  private final int line;
  private final StringBuilder value = new StringBuilder();
  private int at;

  private StringLiterals(String literal, int line) {
    this.literal = literal;
    this.line = line;
  }

  static String unescape(String literal, int line) {
    return literal.indexOf('\\') < 0 ? literal : new StringLiterals(literal, line).run();
  }

  private String run() {
    while (at < literal.length()) {
      char c = literal.charAt(at++);
      if (c == '\\' && at < literal.length()) {
        escape(literal.charAt(at++));
      } else {
        value.append(c);
      }
    }
    return value.toString();
  }

  private void escape(char c) {
    int named = NAMED.indexOf(c);
    if (named >= 0) {
      value.append(MEANT.charAt(named));
      return;
    }
    switch (c) {
      case '\n' -> {}
      case 'x' -> codePoint(2);
      case 'u' -> codePoint(4);
      case 'U' -> codePoint(8);
      case '0', '1', '2', '3', '4', '5', '6', '7' -> octal();
      default -> value.append('\\').append(c);
    }
  }

  private void codePoint(int digits) {
    int end = at + digits;
    try {
      int codePoint = Integer.parseUnsignedInt(literal, at, Math.min(end, literal.length()), 16);
      if (end <= literal.length() && Character.isValidCodePoint(codePoint)) {
        value.appendCodePoint(codePoint);
        at = end;
        return;
      }
    } catch (NumberFormatException notHexadecimal) {
      throw malformed(digits);
    }
    throw malformed(digits);
  }

  private TemplateException malformed(int digits) {
    return TemplateException.syntax(
        line, "an escape in a string needs " + digits + " hexadecimal digits of a character");
  }

  private void octal() {
    int number = 0;
    int end = Math.min(at + 2, literal.length());
    for (at--; at < end && literal.charAt(at) >= '0' && literal.charAt(at) <= '7'; at++) {
      number = number * 8 + literal.charAt(at) - '0';
    }
    value.appendCodePoint(number);
  }
}
