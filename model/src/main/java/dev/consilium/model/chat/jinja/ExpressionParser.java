package dev.consilium.model.chat.jinja;

import dev.consilium.model.chat.jinja.Expression.Arithmetic;
import dev.consilium.model.chat.jinja.Expression.Comparison;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Parses expressions by recursive descent, one method per level of precedence, loosest first:
 * conditional, {@code or}, {@code and}, {@code not}, comparison, {@code + -}, {@code ~}, {@code * /
 * // %}, {@code **}, sign, then primary with its postfixes, filters and tests.
 */
final class ExpressionParser {

  private static final Map<String, Comparison> COMPARISONS =
      Map.of(
          "==", Comparison.EQUAL,
          "!=", Comparison.NOT_EQUAL,
          "<", Comparison.LESS,
          "<=", Comparison.LESS_OR_EQUAL,
          ">", Comparison.GREATER,
          ">=", Comparison.GREATER_OR_EQUAL);

  private static final Map<String, Arithmetic> SUMS =
      Map.of("+", Arithmetic.ADD, "-", Arithmetic.SUBTRACT);

  private static final Map<String, Arithmetic> PRODUCTS =
      Map.of(
          "*", Arithmetic.MULTIPLY,
          "/", Arithmetic.DIVIDE,
          "//", Arithmetic.FLOOR_DIVIDE,
          "%", Arithmetic.MODULO);

  /** Names that go on with the expression around a test instead of being the test's argument. */
  private static final List<String> NOT_TEST_ARGUMENTS =
      List.of("else", "or", "and", "if", "is", "in", "not", "recursive");

  private final TokenStream tokens;

  ExpressionParser(TokenStream tokens) {
    this.tokens = tokens;
  }

  /** An expression, or several with commas, which make a tuple. */
  Expression parseTuple() {
    return tupleFrom(parse());
  }

  /** Like {@link #parseTuple} where {@code if} does not belong to the expression. */
  Expression parseTupleWithoutConditional() {
    return tupleFrom(parseOr());
  }

  private Expression tupleFrom(Expression first) {
    if (!tokens.peek().isOperator(",")) {
      return first;
    }
    List<Expression> items = new ArrayList<>(List.of(first));
    while (tokens.skipOperator(",") && !atEnd()) {
      items.add(parse());
    }
    return new Expression.Items(items, true, first.line());
  }

  private boolean atEnd() {
    Token next = tokens.peek();
    return next.is(Token.Kind.TAG_END)
        || next.is(Token.Kind.OUTPUT_END)
        || next.isOperator(")")
        || next.isOperator("=");
  }

  Expression parse() {
    tokens.enter();
    Expression then = parseOr();
    while (tokens.peek().isName("if")) {
      int line = tokens.next().line();
      Expression condition = parseOr();
      Optional<Expression> otherwise =
          tokens.skipName("else") ? Optional.of(parse()) : Optional.empty();
      then = new Expression.Conditional(condition, then, otherwise, line);
    }
    tokens.leave();
    return then;
  }

  private Expression parseOr() {
    Expression left = parseAnd();
    while (tokens.peek().isName("or")) {
      int line = tokens.next().line();
      left = new Expression.Logical(false, left, parseAnd(), line);
    }
    return left;
  }

  private Expression parseAnd() {
    Expression left = parseNot();
    while (tokens.peek().isName("and")) {
      int line = tokens.next().line();
      left = new Expression.Logical(true, left, parseNot(), line);
    }
    return left;
  }

  private Expression parseNot() {
    if (!tokens.peek().isName("not")) {
      return parseComparisons();
    }
    int line = tokens.next().line();
    tokens.enter();
    Expression operand = parseNot();
    tokens.leave();
    return new Expression.Not(operand, line);
  }

  private Expression parseComparisons() {
    Expression first = parseBinary(SUMS);
    List<Expression.Link> links = new ArrayList<>();
    for (Optional<Comparison> found = comparison(); found.isPresent(); found = comparison()) {
      links.add(new Expression.Link(found.get(), parseBinary(SUMS)));
    }
    return links.isEmpty() ? first : new Expression.Comparisons(first, links, first.line());
  }

  private Optional<Comparison> comparison() {
    Token token = tokens.peek();
    if (token.is(Token.Kind.OPERATOR) && COMPARISONS.containsKey(token.text())) {
      return Optional.ofNullable(COMPARISONS.get(tokens.next().text()));
    }
    if (tokens.skipName("in")) {
      return Optional.of(Comparison.IN);
    }
    if (token.isName("not") && tokens.peekSecond().isName("in")) {
      tokens.next();
      tokens.next();
      return Optional.of(Comparison.NOT_IN);
    }
    return Optional.empty();
  }

  private Expression parseBinary(Map<String, Arithmetic> operators) {
    boolean sums = operators.containsKey("+");
    Expression left = sums ? parseConcatenation() : parsePower();
    while (tokens.peek().is(Token.Kind.OPERATOR) && operators.containsKey(tokens.peek().text())) {
      Token operator = tokens.next();
      Expression right = sums ? parseConcatenation() : parsePower();
      left = binary(operators.getOrDefault(operator.text(), Arithmetic.ADD), left, right, operator);
    }
    return left;
  }

  private Expression parseConcatenation() {
    Expression left = parseBinary(PRODUCTS);
    while (tokens.peek().isOperator("~")) {
      Token operator = tokens.next();
      left = binary(Arithmetic.CONCATENATE, left, parseBinary(PRODUCTS), operator);
    }
    return left;
  }

  private Expression parsePower() {
    Expression left = parseSigned(true);
    while (tokens.peek().isOperator("**")) {
      Token operator = tokens.next();
      left = binary(Arithmetic.POWER, left, parseSigned(true), operator);
    }
    return left;
  }

  private static Expression binary(
      Arithmetic operator, Expression left, Expression right, Token token) {
    return new Expression.Binary(operator, left, right, token.line());
  }

  /** A sign binds tighter than a filter: {@code -1|abs} is {@code (-1)|abs}. */
  private Expression parseSigned(boolean withFilters) {
    Token token = tokens.peek();
    Expression expression;
    if (token.isOperator("-") || token.isOperator("+")) {
      tokens.next();
      tokens.enter();
      Expression.Sign sign = token.isOperator("-") ? Expression.Sign.MINUS : Expression.Sign.PLUS;
      expression = new Expression.Unary(sign, parseSigned(false), token.line());
      tokens.leave();
    } else {
      expression = parsePostfix(parsePrimary());
    }
    return withFilters ? parseFiltersAndTests(expression) : expression;
  }

  private Expression parsePrimary() {
    Token token = tokens.next();
    return switch (token.kind()) {
      case NAME -> name(token);
      case STRING -> strings(token);
      case INTEGER -> new Expression.Literal(integer(token), token.line());
      case FLOAT ->
          new Expression.Literal(new Value.Real(Double.parseDouble(token.text())), token.line());
      case OPERATOR -> bracketed(token);
      case DATA, OUTPUT_BEGIN, OUTPUT_END, TAG_BEGIN, TAG_END, END -> throw notAnExpression(token);
    };
  }

  private static Value integer(Token token) {
    if (token.text().length() > Numbers.MAX_DIGITS) {
      throw TemplateException.limit(token.line(), "a number of this many digits is not supported");
    }
    return new Value.Int(new BigInteger(token.text()));
  }

  private static Expression name(Token token) {
    return switch (token.text()) {
      case "true", "True" -> new Expression.Literal(Value.Bool.TRUE, token.line());
      case "false", "False" -> new Expression.Literal(Value.Bool.FALSE, token.line());
      case "none", "None" -> new Expression.Literal(Value.None.NONE, token.line());
      default -> new Expression.Name(token.text(), token.line());
    };
  }

  /** Adjacent strings are one. */
  private Expression strings(Token first) {
    StringBuilder text = new StringBuilder(first.text());
    while (tokens.peek().is(Token.Kind.STRING)) {
      text.append(tokens.next().text());
    }
    return new Expression.Literal(new Value.Text(text.toString()), first.line());
  }

  private Expression bracketed(Token open) {
    return switch (open.text()) {
      case "(" -> parenthesised(open);
      case "[" -> new Expression.Items(itemsUntil("]"), false, open.line());
      case "{" -> dict(open);
      default -> throw notAnExpression(open);
    };
  }

  private static TemplateException notAnExpression(Token token) {
    return TemplateException.syntax(
        token.line(), "expected an expression, found " + token.describe());
  }

  private Expression parenthesised(Token open) {
    if (tokens.skipOperator(")")) {
      return new Expression.Items(List.of(), true, open.line());
    }
    Expression inside = parseTuple();
    tokens.expectOperator(")");
    return inside;
  }

  private List<Expression> itemsUntil(String close) {
    List<Expression> items = new ArrayList<>();
    while (!tokens.skipOperator(close)) {
      items.add(parse());
      if (!tokens.peek().isOperator(close)) {
        tokens.expectOperator(",");
      }
    }
    return items;
  }

  private Expression dict(Token open) {
    List<Expression.Entry> entries = new ArrayList<>();
    while (!tokens.skipOperator("}")) {
      Expression key = parse();
      tokens.expectOperator(":");
      entries.add(new Expression.Entry(key, parse()));
      if (!tokens.peek().isOperator("}")) {
        tokens.expectOperator(",");
      }
    }
    return new Expression.Entries(entries, open.line());
  }

  private Expression parsePostfix(Expression start) {
    Expression expression = start;
    while (true) {
      Token token = tokens.peek();
      if (token.isOperator(".")) {
        expression = attribute(expression);
      } else if (token.isOperator("[")) {
        expression = subscript(expression);
      } else if (token.isOperator("(")) {
        expression = new Expression.Call(expression, parseArguments(), token.line());
      } else {
        return expression;
      }
    }
  }

  private Expression attribute(Expression target) {
    int line = tokens.next().line();
    Token name = tokens.next();
    if (name.is(Token.Kind.INTEGER)) {
      return new Expression.Item(target, new Expression.Literal(integer(name), line), line);
    }
    if (!name.is(Token.Kind.NAME)) {
      throw TemplateException.syntax(line, "expected a name after '.', found " + name.describe());
    }
    return new Expression.Attribute(target, name.text(), line);
  }

  private Expression subscript(Expression target) {
    int line = tokens.next().line();
    Optional<Expression> from = sliceBound();
    if (from.isPresent() && tokens.skipOperator("]")) {
      return new Expression.Item(target, from.get(), line);
    }
    tokens.expectOperator(":");
    Optional<Expression> to = sliceBound();
    Optional<Expression> step = tokens.skipOperator(":") ? sliceBound() : Optional.empty();
    tokens.expectOperator("]");
    return new Expression.Slice(target, from, to, step, line);
  }

  private Optional<Expression> sliceBound() {
    Token next = tokens.peek();
    return next.isOperator(":") || next.isOperator("]") ? Optional.empty() : Optional.of(parse());
  }

  Expression.Passed parseArguments() {
    tokens.expectOperator("(");
    List<Expression> positional = new ArrayList<>();
    Map<String, Expression> named = new LinkedHashMap<>();
    while (!tokens.skipOperator(")")) {
      argument(positional, named);
      if (!tokens.peek().isOperator(")")) {
        tokens.expectOperator(",");
      }
    }
    return new Expression.Passed(positional, named);
  }

  private void argument(List<Expression> positional, Map<String, Expression> named) {
    if (tokens.peek().is(Token.Kind.NAME) && tokens.peekSecond().isOperator("=")) {
      Token name = tokens.next();
      tokens.next();
      if (named.put(name.text(), parse()) != null) {
        throw TemplateException.syntax(name.line(), name.text() + " is passed twice");
      }
    } else if (named.isEmpty()) {
      positional.add(parse());
    } else {
      throw tokens.unexpected("a named argument after a named argument");
    }
  }

  private Expression parseFiltersAndTests(Expression start) {
    Expression expression = start;
    while (true) {
      Token token = tokens.peek();
      if (token.isOperator("|")) {
        tokens.next();
        expression = new Expression.Filtered(expression, parseFilter(), token.line());
      } else if (token.isName("is")) {
        expression = test(expression);
      } else if (token.isOperator("(")) {
        expression = new Expression.Call(expression, parseArguments(), token.line());
      } else {
        return expression;
      }
    }
  }

  /** A filter's name and arguments, after the {@code |}. */
  Expression.FilterCall parseFilter() {
    Token name = tokens.expect(Token.Kind.NAME, "the name of a filter");
    Expression.Passed arguments =
        tokens.peek().isOperator("(") ? parseArguments() : Expression.Passed.NONE;
    return new Expression.FilterCall(name.text(), arguments, name.line());
  }

  private Expression test(Expression input) {
    int line = tokens.next().line();
    boolean negated = tokens.skipName("not");
    // "in" and the constants are names here, too.
    String name = tokens.expect(Token.Kind.NAME, "the name of a test").text();
    return new Expression.Tested(input, name, testArguments(), negated, line);
  }

  private Expression.Passed testArguments() {
    Token next = tokens.peek();
    if (next.isOperator("(")) {
      return parseArguments();
    }
    boolean bare =
        switch (next.kind()) {
          case NAME -> !NOT_TEST_ARGUMENTS.contains(next.text());
          case STRING, INTEGER, FLOAT -> true;
          case OPERATOR -> next.isOperator("[") || next.isOperator("{");
          case DATA, OUTPUT_BEGIN, OUTPUT_END, TAG_BEGIN, TAG_END, END -> false;
        };
    return bare
        ? new Expression.Passed(List.of(parsePostfix(parsePrimary())), Map.of())
        : Expression.Passed.NONE;
  }
}
