package dev.consilium.model.chat.jinja;

import dev.consilium.model.chat.jinja.Expression.Arithmetic;
import dev.consilium.model.chat.jinja.Expression.Comparison;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Truth, equality, order, membership and arithmetic of values, as Python has them. */
final class Operators {

  private Operators() {}

  static String typeName(Value value) {
    return switch (value) {
      case Value.Undefined _ -> "undefined";
      case Value.None _ -> "None";
      case Value.Bool _ -> "bool";
      case Value.Int _ -> "int";
      case Value.Real _ -> "float";
      case Value.Text _ -> "str";
      case Value.Sequence sequence -> sequence.isTuple() ? "tuple" : "list";
      case Value.Mapping _ -> "dict";
      case Value.Namespace _ -> "namespace";
      case Value.Function _ -> "function";
      case Value.Loop _ -> "loop";
    };
  }

  static boolean truth(Value value) {
    return switch (value) {
      case Value.Undefined _ -> false;
      case Value.None _ -> false;
      case Value.Bool bool -> bool.value();
      case Value.Int number -> number.value().signum() != 0;
      case Value.Real number -> number.value() != 0;
      case Value.Text text -> !text.value().isEmpty();
      case Value.Sequence sequence -> !sequence.items().isEmpty();
      case Value.Mapping mapping -> !mapping.entries().isEmpty();
      case Value.Namespace _, Value.Function _, Value.Loop _ -> true;
    };
  }

  /** The value, unless it is undefined. */
  static Value defined(Run run, Value value) {
    if (value instanceof Value.Undefined undefined) {
      throw run.error(undefined.problem());
    }
    return value;
  }

  static boolean compare(Run run, Comparison operator, Value left, Value right) {
    return switch (operator) {
      case EQUAL -> equal(run, left, right);
      case NOT_EQUAL -> !equal(run, left, right);
      case LESS -> order(run, left, right) < 0;
      case LESS_OR_EQUAL -> order(run, left, right) <= 0;
      case GREATER -> order(run, left, right) > 0;
      case GREATER_OR_EQUAL -> order(run, left, right) >= 0;
      case IN -> contains(run, right, left);
      case NOT_IN -> !contains(run, right, left);
    };
  }

  @SuppressWarnings(
      "ReferenceEquality") // Python, too, takes one and the same list to equal itself without
  // looking inside.
  static boolean equal(Run run, Value left, Value right) {
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      return Numbers.compare(left, right) == 0;
    }
    if (left == right) {
      return true;
    }
    if (left instanceof Value.Text a && right instanceof Value.Text b) {
      run.scan(Math.min(a.value().length(), b.value().length()));
      return a.equals(b);
    }
    if (left instanceof Value.Sequence a && right instanceof Value.Sequence b) {
      return a.isTuple() == b.isTuple() && equalItems(run, a.items(), b.items());
    }
    if (left instanceof Value.Mapping a && right instanceof Value.Mapping b) {
      return equalEntries(run, a.entries(), b.entries());
    }
    return left instanceof Value.Undefined && right instanceof Value.Undefined;
  }

  private static boolean equalItems(Run run, List<Value> left, List<Value> right) {
    if (left.size() != right.size()) {
      return false;
    }
    run.enter();
    boolean equal = true;
    for (int i = 0; equal && i < left.size(); i++) {
      run.step(1);
      equal = equal(run, left.get(i), right.get(i));
    }
    run.leave();
    return equal;
  }

  private static boolean equalEntries(Run run, Map<Value, Value> left, Map<Value, Value> right) {
    if (left.size() != right.size()) {
      return false;
    }
    run.enter();
    boolean equal = true;
    for (Map.Entry<Value, Value> entry : left.entrySet()) {
      run.step(1);
      Value other = right.get(entry.getKey());
      equal = equal && other != null && equal(run, entry.getValue(), other);
    }
    run.leave();
    return equal;
  }

  static int order(Run run, Value left, Value right) {
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      return Numbers.compare(left, right);
    }
    if (left instanceof Value.Text a && right instanceof Value.Text b) {
      run.scan(Math.min(a.value().length(), b.value().length()));
      return PythonStrings.compare(a.value(), b.value());
    }
    if (left instanceof Value.Sequence a && right instanceof Value.Sequence b) {
      return orderItems(run, a.items(), b.items());
    }
    throw run.error(
        "'%s' and '%s' have no order"
            .formatted(typeName(defined(run, left)), typeName(defined(run, right))));
  }

  private static int orderItems(Run run, List<Value> left, List<Value> right) {
    run.enter();
    int order = Integer.compare(left.size(), right.size());
    for (int i = 0; i < Math.min(left.size(), right.size()); i++) {
      run.step(1);
      if (!equal(run, left.get(i), right.get(i))) {
        order = order(run, left.get(i), right.get(i));
        break;
      }
    }
    run.leave();
    return order;
  }

  static boolean contains(Run run, Value container, Value wanted) {
    return switch (container) {
      case Value.Text text when wanted instanceof Value.Text part -> {
        run.scan((long) text.value().length() + part.value().length());
        yield Search.contains(text.value(), part.value());
      }
      case Value.Text _ ->
          throw run.error("'in' a string needs a string on its left, found " + typeName(wanted));
      case Value.Sequence sequence -> indexOf(run, sequence.items(), wanted) >= 0;
      case Value.Mapping mapping -> mapping.entries().containsKey(key(run, wanted));
      case Value.Undefined _ -> false;
      default -> throw run.error("'in' cannot look into " + typeName(container));
    };
  }

  static int indexOf(Run run, List<Value> items, Value wanted) {
    for (int i = 0; i < items.size(); i++) {
      run.step(1);
      if (equal(run, items.get(i), wanted)) {
        return i;
      }
    }
    return -1;
  }

  /**
   * What can be a dict's key: numbers that are equal are one key, lists, tuples and dicts are none.
   */
  static Value key(Run run, Value value) {
    return switch (value) {
      case Value.Bool bool -> Value.Int.of(bool.value() ? 1 : 0);
      case Value.Text _, Value.Int _, Value.Real _, Value.None _ -> value;
      default -> throw run.error("a " + typeName(value) + " cannot be a key of a dict");
    };
  }

  static Value calculate(Run run, Arithmetic operator, Value left, Value right) {
    if (operator == Arithmetic.CONCATENATE) {
      return join(run, PythonText.str(run, left), PythonText.str(run, right));
    }
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      return Numbers.calculate(run, operator, left, right);
    }
    defined(run, left);
    defined(run, right);
    if (operator == Arithmetic.ADD) {
      return add(run, left, right);
    }
    if (operator == Arithmetic.MULTIPLY && Numbers.integer(right).isPresent()) {
      return repeat(run, left, right);
    }
    if (operator == Arithmetic.MULTIPLY && Numbers.integer(left).isPresent()) {
      return repeat(run, right, left);
    }
    throw unsupported(run, operator, left, right);
  }

  private static Value add(Run run, Value left, Value right) {
    if (left instanceof Value.Text a && right instanceof Value.Text b) {
      return join(run, a.value(), b.value());
    }
    if (left instanceof Value.Sequence a
        && right instanceof Value.Sequence b
        && a.isTuple() == b.isTuple()) {
      run.allocateElements((long) a.items().size() + b.items().size());
      List<Value> items = new ArrayList<>(a.items());
      items.addAll(b.items());
      return a.isTuple() ? Value.Sequence.tuple(items) : Value.Sequence.list(items);
    }
    throw unsupported(run, Arithmetic.ADD, left, right);
  }

  private static Value join(Run run, String left, String right) {
    run.allocateText((long) left.length() + right.length());
    return new Value.Text(left + right);
  }

  private static Value repeat(Run run, Value value, Value count) {
    int times = Math.max(0, Numbers.toInt(run, count));
    if (value instanceof Value.Text text) {
      run.allocateText((long) text.value().length() * times);
      return new Value.Text(text.value().repeat(times));
    }
    if (value instanceof Value.Sequence sequence) {
      run.allocateElements((long) sequence.items().size() * times);
      List<Value> items = new ArrayList<>(sequence.items().size() * times);
      for (int i = 0; i < times; i++) {
        items.addAll(sequence.items());
      }
      return sequence.isTuple() ? Value.Sequence.tuple(items) : Value.Sequence.list(items);
    }
    throw unsupported(run, Arithmetic.MULTIPLY, value, count);
  }

  static Value negate(Run run, Value value) {
    return switch (defined(run, value)) {
      case Value.Real number -> new Value.Real(-number.value());
      case Value.Int number -> new Value.Int(number.value().negate());
      case Value.Bool bool ->
          new Value.Int(bool.value() ? BigInteger.ONE.negate() : BigInteger.ZERO);
      default -> throw run.error("a sign needs a number, found " + typeName(value));
    };
  }

  private static TemplateException unsupported(
      Run run, Arithmetic operator, Value left, Value right) {
    return run.error(
        "cannot %s '%s' and '%s'; make both strings with |string, or use ~"
            .formatted(
                operator.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' '),
                typeName(left),
                typeName(right)));
  }

  /** What a loop over the value goes through. */
  static List<Value> iterate(Run run, Value value) {
    return switch (value) {
      case Value.Sequence sequence -> sequence.items();
      case Value.Mapping mapping -> {
        run.allocateElements(mapping.entries().size());
        yield mapping.keys();
      }
      case Value.Text text -> characters(run, text.value());
      case Value.Undefined _ -> List.of();
      default -> throw run.error("cannot go through a '" + typeName(value) + "'");
    };
  }

  private static List<Value> characters(Run run, String text) {
    run.allocateElements(text.length());
    List<Value> characters = new ArrayList<>(text.length());
    text.codePoints().forEach(c -> characters.add(new Value.Text(Character.toString(c))));
    return characters;
  }
}
