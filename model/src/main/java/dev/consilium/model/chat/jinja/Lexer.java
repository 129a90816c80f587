package dev.consilium.model.chat.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts template source into tokens and settles its whitespace:
 *
 * <ol>
 *   <li>one newline at the very end of the source goes;
 *   <li>the newline right after a tag or comment goes ({@code trim_blocks}), unless a plus sign
 *       ends the tag;
 *   <li>blanks between the beginning of a line and a tag or comment go ({@code lstrip_blocks}),
 *       unless a plus sign begins it;
 *   <li>a minus sign at either end of a tag, comment or output takes all whitespace on that side.
 * </ol>
 */
final class Lexer {

  private static final Pattern RAW_BEGIN = Pattern.compile("\\{%[-+]?\\s*raw\\s*(-?)%\\}");
  private static final Pattern RAW_END = Pattern.compile("\\{%([-+]?)\\s*endraw\\s*([-+]?)%\\}");

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int at;

  /** The last line number handed out and the offset it is of: lines are counted once. */
  private int line = 1;

  private int lineOffset;

  /** Whether what was consumed last ended with a newline, so that the next text begins a line. */
  private boolean lineBegins = true;

  private Lexer(String source) {
    this.source = source;
  }

  static List<Token> tokenize(String source) {
    String lines = source.replace("\r\n", "\n").replace('\r', '\n');
    Lexer lexer = new Lexer(lines.endsWith("\n") ? lines.substring(0, lines.length() - 1) : lines);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (at < source.length()) {
      int begin = nextDelimiter();
      if (begin < 0) {
        data(source.substring(at));
        at = source.length();
      } else {
        delimited(begin);
      }
    }
    add(Token.Kind.END, "");
  }

  private int nextDelimiter() {
    for (int i = source.indexOf('{', at); i >= 0; i = source.indexOf('{', i + 1)) {
      if (i + 1 < source.length() && "{%#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  private void delimited(int begin) {
    char kind = source.charAt(begin + 1);
    char sign = begin + 2 < source.length() ? source.charAt(begin + 2) : ' ';
    data(strippedEnd(source.substring(at, begin), sign, kind != '{'));
    at = begin;
    boolean signed = sign == '-' || sign == '+';
    int inside = begin + (signed ? 3 : 2);
    switch (kind) {
      case '#' -> comment(inside);
      case '%' -> {
        if (!raw()) {
          delimitedTokens(inside, Token.Kind.TAG_BEGIN, Token.Kind.TAG_END, "%}");
        }
      }
      default -> delimitedTokens(inside, Token.Kind.OUTPUT_BEGIN, Token.Kind.OUTPUT_END, "}}");
    }
    lineBegins = source.charAt(at - 1) == '\n';
  }

  /** The text before a delimiter, without the whitespace that the delimiter takes. */
  private String strippedEnd(String text, char sign, boolean tagOrComment) {
    if (sign == '-') {
      return PythonStrings.stripEnd(text);
    }
    int lineStart = text.lastIndexOf('\n') + 1;
    boolean takesBlanks = sign != '+' && tagOrComment && (lineStart > 0 || lineBegins);
    return takesBlanks && PythonStrings.stripEnd(text.substring(lineStart)).isEmpty()
        ? text.substring(0, lineStart)
        : text;
  }

  private void comment(int inside) {
    int end = source.indexOf("#}", inside);
    if (end < 0) {
      throw TemplateException.syntax(line(), "a comment that begins with {# does not end");
    }
    char sign = end > inside ? source.charAt(end - 1) : ' ';
    at = end + 2;
    takeAfter(sign);
  }

  /** Whitespace after the end of a tag or comment. */
  private void takeAfter(char sign) {
    if (sign == '-') {
      skipWhitespace();
    } else if (sign != '+' && at < source.length() && source.charAt(at) == '\n') {
      at++;
    }
  }

  private boolean raw() {
    Matcher begin = RAW_BEGIN.matcher(source).region(at, source.length());
    if (!begin.lookingAt()) {
      return false;
    }
    Matcher end = RAW_END.matcher(source);
    if (!end.find(begin.end())) {
      throw TemplateException.syntax(line(), "{% raw %} without {% endraw %}");
    }
    at = begin.end();
    if (begin.group(1).equals("-")) {
      skipWhitespace();
    }
    lineBegins = source.charAt(at - 1) == '\n';
    String text = source.substring(Math.min(at, end.start()), end.start());
    data(strippedEnd(text, signOf(end.group(1)), true));
    at = end.end();
    takeAfter(signOf(end.group(2)));
    return true;
  }

  private static char signOf(String group) {
    return group.isEmpty() ? ' ' : group.charAt(0);
  }

  private void delimitedTokens(int inside, Token.Kind begin, Token.Kind end, String closing) {
    add(begin, "");
    int openedLine = line();
    at = inside;
    int brackets = 0;
    while (true) {
      skipWhitespace();
      if (at >= source.length()) {
        throw TemplateException.syntax(openedLine, "no '" + closing + "' for what begins here");
      }
      if (brackets == 0 && closes(closing)) {
        close(end, closing);
        return;
      }
      brackets += expressionToken();
    }
  }

  private boolean closes(String closing) {
    boolean signed = source.charAt(at) == '-' || (source.charAt(at) == '+' && closing.equals("%}"));
    return source.startsWith(closing, signed ? at + 1 : at);
  }

  private void close(Token.Kind end, String closing) {
    char sign = source.charAt(at);
    add(end, "");
    at += sign == '-' || sign == '+' ? 3 : 2;
    if (closing.equals("%}") || sign == '-') {
      takeAfter(sign);
    }
  }

  /** Takes one token of an expression; returns how many brackets it opens. */
  private int expressionToken() {
    char c = source.charAt(at);
    if (c == '"' || c == '\'') {
      string(c);
      return 0;
    }
    if (c >= '0' && c <= '9') {
      number();
      return 0;
    }
    if (Character.isUnicodeIdentifierStart(c) || c == '_') {
      name();
      return 0;
    }
    return operator();
  }

  private void string(char quote) {
    int end = at + 1;
    while (end < source.length() && source.charAt(end) != quote) {
      end += source.charAt(end) == '\\' ? 2 : 1;
    }
    if (end >= source.length()) {
      throw TemplateException.syntax(line(), "a string that begins here does not end");
    }
    add(Token.Kind.STRING, StringLiterals.unescape(source.substring(at + 1, end), line()));
    at = end + 1;
  }

  private void number() {
    int end = digits(at);
    boolean fraction =
        end + 1 < source.length() && source.charAt(end) == '.' && isDigit(source.charAt(end + 1));
    int afterFraction = fraction ? digits(end + 1) : end;
    int afterExponent = exponent(afterFraction);
    String text = source.substring(at, afterExponent).replace("_", "");
    add(afterExponent == end ? Token.Kind.INTEGER : Token.Kind.FLOAT, text);
    at = afterExponent;
  }

  private int exponent(int from) {
    if (from >= source.length() || "eE".indexOf(source.charAt(from)) < 0) {
      return from;
    }
    boolean signed = from + 1 < source.length() && "+-".indexOf(source.charAt(from + 1)) >= 0;
    int first = from + (signed ? 2 : 1);
    return first < source.length() && isDigit(source.charAt(first)) ? digits(first) : from;
  }

  private int digits(int from) {
    int end = from;
    while (end < source.length() && (isDigit(source.charAt(end)) || source.charAt(end) == '_')) {
      end++;
    }
    return end;
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private void name() {
    int end = at + 1;
    while (end < source.length()
        && (Character.isUnicodeIdentifierPart(source.charAt(end)) || source.charAt(end) == '_')) {
      end++;
    }
    add(Token.Kind.NAME, source.substring(at, end));
    at = end;
  }

  private int operator() {
    String two = source.substring(at, Math.min(at + 2, source.length()));
    if (List.of("//", "**", "==", "!=", "<=", ">=").contains(two)) {
      add(Token.Kind.OPERATOR, two);
      at += 2;
      return 0;
    }
    char c = source.charAt(at);
    if ("+-*/%~<>=.,:|()[]{}".indexOf(c) < 0) {
      throw TemplateException.syntax(line(), "unexpected character '" + c + "'");
    }
    add(Token.Kind.OPERATOR, String.valueOf(c));
    at++;
    return "([{".indexOf(c) >= 0 ? 1 : ")]}".indexOf(c) >= 0 ? -1 : 0;
  }

  private void data(String text) {
    if (!text.isEmpty()) {
      add(Token.Kind.DATA, text);
    }
  }

  private void skipWhitespace() {
    while (at < source.length() && PythonStrings.isSpace(source.charAt(at))) {
      at++;
    }
  }

  private void add(Token.Kind kind, String text) {
    tokens.add(new Token(kind, text, line()));
  }

  private int line() {
    for (; lineOffset < at; lineOffset++) {
      if (source.charAt(lineOffset) == '\n') {
        line++;
      }
    }
    return line;
  }
}
