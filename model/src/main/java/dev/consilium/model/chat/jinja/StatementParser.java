package dev.consilium.model.chat.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Parses a template's text, outputs and tags. */
final class StatementParser {

  private final TokenStream tokens;
  private final ExpressionParser expressions;

  private StatementParser(TokenStream tokens) {
    this.tokens = tokens;
    this.expressions = new ExpressionParser(tokens);
  }

  static List<Statement> parse(List<Token> tokens, int maxNesting) {
    StatementParser parser = new StatementParser(new TokenStream(tokens, maxNesting));
    List<Statement> body = parser.bodyUntil(List.of());
    if (!parser.tokens.peek().is(Token.Kind.END)) {
      throw TemplateException.syntax(
          parser.tokens.line(),
          "'" + parser.tokens.peekSecond().text() + "' ends or continues nothing here");
    }
    return body;
  }

  /**
   * Statements up to a tag whose name is one of {@code ends} (which is left to the caller) or the
   * template's end.
   */
  private List<Statement> bodyUntil(List<String> ends) {
    List<Statement> body = new ArrayList<>();
    tokens.enter();
    while (true) {
      Token token = tokens.peek();
      if (token.is(Token.Kind.DATA)) {
        body.add(new Statement.Data(tokens.next().text()));
      } else if (token.is(Token.Kind.OUTPUT_BEGIN)) {
        body.add(output());
      } else if (token.is(Token.Kind.TAG_BEGIN) && !endsHere(ends)) {
        tokens.next();
        body.add(tag());
      } else {
        tokens.leave();
        return body;
      }
    }
  }

  private boolean endsHere(List<String> ends) {
    Token name = tokens.peekSecond();
    return name.is(Token.Kind.NAME)
        && (ends.contains(name.text())
            || name.text().startsWith("end")
            || name.text().equals("else")
            || name.text().equals("elif"));
  }

  /** Takes the end tag up to its name, leaving what follows the name. */
  private void endTag(String name, int openedLine) {
    if (!tokens.peek().is(Token.Kind.TAG_BEGIN) || !tokens.peekSecond().isName(name)) {
      String found =
          tokens.peek().is(Token.Kind.TAG_BEGIN)
              ? tokens.peekSecond().describe()
              : tokens.peek().describe();
      throw TemplateException.syntax(
          tokens.line(),
          "expected '" + name + "' for the tag of line " + openedLine + ", found " + found);
    }
    tokens.next();
    tokens.next();
  }

  private void closeTag() {
    tokens.expect(Token.Kind.TAG_END, "'%}'");
  }

  private List<Statement> bodyAndEnd(String end, int openedLine) {
    closeTag();
    List<Statement> body = bodyUntil(List.of(end));
    endTag(end, openedLine);
    closeTag();
    return body;
  }

  private Statement output() {
    tokens.next();
    Expression expression = expressions.parseTuple();
    tokens.expect(Token.Kind.OUTPUT_END, "'}}'");
    return new Statement.Output(expression);
  }

  private Statement tag() {
    Token name = tokens.expect(Token.Kind.NAME, "the name of a tag");
    int line = name.line();
    return switch (name.text()) {
      case "if" -> ifTag(line);
      case "for" -> forTag(line);
      case "set" -> setTag(line);
      case "macro" -> macroTag(line);
      case "call" -> callTag(line);
      case "filter" -> new Statement.FilterBlock(filters(), bodyAndEnd("endfilter", line), line);
      case "with" -> withTag(line);
      case "generation" -> new Statement.Group(bodyAndEnd("endgeneration", line));
      case "break" -> simple(new Statement.Break());
      case "continue" -> simple(new Statement.Continue());
      default ->
          throw TemplateException.syntax(
              line,
              "the tag '"
                  + name.text()
                  + "' is not supported; chat templates have if, for, set, macro, call, filter, with,"
                  + " break, continue, generation and raw");
    };
  }

  private Statement simple(Statement statement) {
    closeTag();
    return statement;
  }

  private Statement ifTag(int line) {
    List<Statement.Branch> branches = new ArrayList<>();
    List<String> ends = List.of("elif", "else", "endif");
    do {
      Expression condition = expressions.parseTupleWithoutConditional();
      closeTag();
      branches.add(new Statement.Branch(condition, bodyUntil(ends)));
    } while (takeTag("elif"));
    if (takeTag("else")) {
      Expression always = new Expression.Literal(Value.Bool.TRUE, tokens.line());
      closeTag();
      branches.add(new Statement.Branch(always, bodyUntil(ends)));
    }
    endTag("endif", line);
    closeTag();
    return new Statement.If(branches);
  }

  private boolean takeTag(String name) {
    boolean found = tokens.peek().is(Token.Kind.TAG_BEGIN) && tokens.peekSecond().isName(name);
    if (found) {
      tokens.next();
      tokens.next();
    }
    return found;
  }

  private Statement forTag(int line) {
    Statement.Target target = target();
    tokens.expectName("in");
    Expression iterable = expressions.parseTupleWithoutConditional();
    Optional<Expression> condition =
        tokens.skipName("if") ? Optional.of(expressions.parse()) : Optional.empty();
    if (tokens.peek().isName("recursive")) {
      throw TemplateException.syntax(line, "recursive loops are not supported; use a macro");
    }
    closeTag();
    List<Statement> body = bodyUntil(List.of("else", "endfor"));
    List<Statement> otherwise = List.of();
    if (takeTag("else")) {
      closeTag();
      otherwise = bodyUntil(List.of("endfor"));
    }
    endTag("endfor", line);
    closeTag();
    return new Statement.For(target, iterable, condition, body, otherwise, line);
  }

  /** One or more names with commas, possibly in parentheses. */
  private Statement.Target target() {
    Statement.Target first = singleTarget();
    if (!tokens.peek().isOperator(",")) {
      return first;
    }
    List<Statement.Target> targets = new ArrayList<>(List.of(first));
    while (tokens.skipOperator(",")) {
      if (tokens.peek().isName("in") || tokens.peek().isOperator("=")) {
        break;
      }
      targets.add(singleTarget());
    }
    return new Statement.Target.Unpacked(targets);
  }

  private Statement.Target singleTarget() {
    if (tokens.skipOperator("(")) {
      tokens.enter();
      Statement.Target inside = target();
      tokens.leave();
      tokens.expectOperator(")");
      return inside;
    }
    String name = tokens.expect(Token.Kind.NAME, "a name to assign to").text();
    if (tokens.skipOperator(".")) {
      String attribute = tokens.expect(Token.Kind.NAME, "a namespace's attribute").text();
      return new Statement.Target.NamespaceAttribute(name, attribute);
    }
    return new Statement.Target.Variable(name);
  }

  private Statement setTag(int line) {
    Statement.Target target = target();
    if (tokens.skipOperator("=")) {
      Expression value = expressions.parseTuple();
      closeTag();
      return new Statement.Set(target, value, line);
    }
    List<Expression.FilterCall> filters =
        tokens.skipOperator("|") ? filters() : List.<Expression.FilterCall>of();
    return new Statement.SetBlock(target, filters, bodyAndEnd("endset", line), line);
  }

  /** {@code name(arguments)|name|...}. */
  private List<Expression.FilterCall> filters() {
    List<Expression.FilterCall> filters = new ArrayList<>();
    do {
      filters.add(expressions.parseFilter());
    } while (tokens.skipOperator("|"));
    return filters;
  }

  private Statement macroTag(int line) {
    String name = tokens.expect(Token.Kind.NAME, "the macro's name").text();
    Statement.Parameters parameters = parameters();
    return new Statement.Macro(name, parameters, bodyAndEnd("endmacro", line), line);
  }

  private Statement.Parameters parameters() {
    List<Statement.Parameter> parameters = new ArrayList<>();
    tokens.expectOperator("(");
    while (!tokens.skipOperator(")")) {
      String name = tokens.expect(Token.Kind.NAME, "a parameter's name").text();
      Optional<Expression> fallback =
          tokens.skipOperator("=") ? Optional.of(expressions.parse()) : Optional.empty();
      parameters.add(new Statement.Parameter(name, fallback));
      if (!tokens.peek().isOperator(")")) {
        tokens.expectOperator(",");
      }
    }
    return new Statement.Parameters(parameters);
  }

  private Statement callTag(int line) {
    Statement.Parameters parameters =
        tokens.peek().isOperator("(") ? parameters() : new Statement.Parameters(List.of());
    if (!(expressions.parse() instanceof Expression.Call call)) {
      throw TemplateException.syntax(line, "'call' needs a call of a macro");
    }
    return new Statement.CallBlock(call, parameters, bodyAndEnd("endcall", line), line);
  }

  private Statement withTag(int line) {
    List<Statement.Set> assignments = new ArrayList<>();
    while (!tokens.peek().is(Token.Kind.TAG_END)) {
      Statement.Target target = singleTarget();
      tokens.expectOperator("=");
      assignments.add(new Statement.Set(target, expressions.parse(), line));
      if (!tokens.peek().is(Token.Kind.TAG_END)) {
        tokens.expectOperator(",");
      }
    }
    return new Statement.With(assignments, bodyAndEnd("endwith", line));
  }
}
