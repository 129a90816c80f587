package dev.consilium.model.chat.jinja;

import java.util.List;

/** Tokens in order, with one to look at, and the bound on how deeply the parsers may nest. */
final class TokenStream {

  private final List<Token> tokens;
  private final int maxNesting;
  private int at;
  private int nesting;

  TokenStream(List<Token> tokens, int maxNesting) {
    this.tokens = tokens;
    this.maxNesting = maxNesting;
  }

  Token peek() {
    return tokens.get(at);
  }

  Token peekSecond() {
    return tokens.get(Math.min(at + 1, tokens.size() - 1));
  }

  int line() {
    return peek().line();
  }

  /** Takes the next token; the last one, which ends the stream, can be taken for ever. */
  Token next() {
    Token token = peek();
    at = Math.min(at + 1, tokens.size() - 1);
    return token;
  }

  boolean skipOperator(String operator) {
    boolean found = peek().isOperator(operator);
    if (found) {
      next();
    }
    return found;
  }

  boolean skipName(String name) {
    boolean found = peek().isName(name);
    if (found) {
      next();
    }
    return found;
  }

  void expectOperator(String operator) {
    if (!skipOperator(operator)) {
      throw unexpected("'" + operator + "'");
    }
  }

  void expectName(String name) {
    if (!skipName(name)) {
      throw unexpected("'" + name + "'");
    }
  }

  Token expect(Token.Kind kind, String what) {
    if (!peek().is(kind)) {
      throw unexpected(what);
    }
    return next();
  }

  TemplateException unexpected(String expected) {
    return TemplateException.syntax(
        line(), "expected " + expected + ", found " + peek().describe());
  }

  /**
   * To be called when a parser begins something that can hold another of its kind; {@link #leave}
   * when it ends.
   */
  void enter() {
    if (++nesting > maxNesting) {
      throw TemplateException.limit(
          line(),
          "tags, brackets or operators are nested more than "
              + maxNesting
              + " deep (maxNesting); simplify the template");
    }
  }

  void leave() {
    nesting--;
  }
}
