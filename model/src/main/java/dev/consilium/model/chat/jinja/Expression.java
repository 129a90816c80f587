package dev.consilium.model.chat.jinja;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What can be computed. Every record knows the template's line it stands on. */
sealed interface Expression {

  int line();

  record Literal(Value value, int line) implements Expression {}

  record Name(String name, int line) implements Expression {}

  record Items(List<Expression> items, boolean tuple, int line) implements Expression {}

  record Entries(List<Entry> entries, int line) implements Expression {}

  record Unary(Sign sign, Expression operand, int line) implements Expression {}

  record Not(Expression operand, int line) implements Expression {}

  record Binary(Arithmetic operator, Expression left, Expression right, int line)
      implements Expression {}

  /** {@code and} (or {@code or}): the value is that of the operand that decides. */
  record Logical(boolean and, Expression left, Expression right, int line) implements Expression {}

  /** {@code a < b < c}: each link compares with the value before it. */
  record Comparisons(Expression first, List<Link> links, int line) implements Expression {}

  record Conditional(
      Expression condition, Expression then, Optional<Expression> otherwise, int line)
      implements Expression {}

  record Attribute(Expression target, String name, int line) implements Expression {}

  record Item(Expression target, Expression index, int line) implements Expression {}

  record Slice(
      Expression target,
      Optional<Expression> from,
      Optional<Expression> to,
      Optional<Expression> step,
      int line)
      implements Expression {}

  record Call(Expression callee, Passed arguments, int line) implements Expression {}

  record Filtered(Expression input, FilterCall filter, int line) implements Expression {}

  record Tested(Expression input, String test, Passed arguments, boolean negated, int line)
      implements Expression {}

  record Entry(Expression key, Expression value) {}

  record Link(Comparison operator, Expression right) {}

  record Passed(List<Expression> positional, Map<String, Expression> named) {
    static final Passed NONE = new Passed(List.of(), Map.of());
  }

  record FilterCall(String name, Passed arguments, int line) {}

  enum Sign {
    PLUS,
    MINUS
  }

  enum Arithmetic {
    ADD,
    SUBTRACT,
    MULTIPLY,
    DIVIDE,
    FLOOR_DIVIDE,
    MODULO,
    POWER,
    CONCATENATE
  }

  enum Comparison {
    EQUAL,
    NOT_EQUAL,
    LESS,
    LESS_OR_EQUAL,
    GREATER,
    GREATER_OR_EQUAL,
    IN,
    NOT_IN
  }
}
