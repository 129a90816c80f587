package dev.consilium.model.chat.jinja;

import dev.consilium.model.chat.jinja.Expression.Comparison;
import java.math.BigInteger;

/** The tests after {@code is}. */
final class Predicates {

  private Predicates() {}

  static boolean test(Run run, String name, Value input, Arguments arguments) {
    return switch (name) {
      case "defined" -> !(input instanceof Value.Undefined);
      case "undefined" -> input instanceof Value.Undefined;
      case "none", "None" -> input == Value.None.NONE;
      case "string" -> input instanceof Value.Text;
      case "mapping" -> input instanceof Value.Mapping;
      case "number" -> Numbers.isNumber(input);
      case "integer" -> input instanceof Value.Int;
      case "float" -> input instanceof Value.Real;
      case "boolean" -> input instanceof Value.Bool;
      case "true", "True" -> input.equals(Value.Bool.TRUE);
      case "false", "False" -> input.equals(Value.Bool.FALSE);
      case "callable" -> input instanceof Value.Function;
      case "iterable", "sequence" -> isIterable(input);
      case "odd" -> integer(run, name, input).testBit(0);
      case "even" -> !integer(run, name, input).testBit(0);
      case "lower" -> TextMethods.isCase(PythonText.str(run, input), false);
      case "upper" -> TextMethods.isCase(PythonText.str(run, input), true);
      case "filter" -> Filters.exists(PythonText.str(run, input));
      default -> comparing(run, name, input, arguments);
    };
  }

  private static boolean comparing(Run run, String name, Value input, Arguments arguments) {
    return switch (name) {
      case "eq", "equalto", "==" -> compare(run, name, Comparison.EQUAL, input, arguments);
      case "ne", "!=" -> compare(run, name, Comparison.NOT_EQUAL, input, arguments);
      case "lt", "lessthan", "<" -> compare(run, name, Comparison.LESS, input, arguments);
      case "le", "<=" -> compare(run, name, Comparison.LESS_OR_EQUAL, input, arguments);
      case "gt", "greaterthan", ">" -> compare(run, name, Comparison.GREATER, input, arguments);
      case "ge", ">=" -> compare(run, name, Comparison.GREATER_OR_EQUAL, input, arguments);
      case "in" -> compare(run, name, Comparison.IN, input, arguments);
      case "sameas" -> sameAs(input, other(run, name, arguments));
      case "divisibleby" -> divisible(run, input, other(run, name, arguments));
      default -> throw run.error("there is no test named '" + name + "'");
    };
  }

  private static boolean compare(
      Run run, String name, Comparison comparison, Value input, Arguments arguments) {
    return Operators.compare(run, comparison, input, other(run, name, arguments));
  }

  private static Value other(Run run, String name, Arguments arguments) {
    return arguments.bind(run, "the test " + name, "other").required(0);
  }

  private static boolean isIterable(Value input) {
    return switch (input) {
      case Value.Text _, Value.Sequence _, Value.Mapping _, Value.Undefined _ -> true;
      default -> false;
    };
  }

  /** Python's {@code is}; equal numbers and strings count as the same. */
  private static boolean sameAs(Value left, Value right) {
    return left.equals(right);
  }

  private static boolean divisible(Run run, Value input, Value divisor) {
    BigInteger by = integer(run, "divisibleby", divisor);
    if (by.signum() == 0) {
      throw run.error("division by zero");
    }
    return integer(run, "divisibleby", input).mod(by.abs()).signum() == 0;
  }

  private static BigInteger integer(Run run, String name, Value value) {
    return Numbers.integer(value)
        .orElseThrow(() ->
            run.error(
                "the test %s needs an integer, found %s"
                    .formatted(name, Operators.typeName(value))));
  }
}
