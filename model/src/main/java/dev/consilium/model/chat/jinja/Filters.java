package dev.consilium.model.chat.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * The filters after {@code |}: those on single values here, those on lists in {@link ListFilters}.
 */
final class Filters {

  /** What a filter does with its input and arguments. */
  interface Filter {
    Value apply(Run run, Value input, Arguments arguments);
  }

  private static final Map<String, Filter> ALL =
      Map.ofEntries(
          Map.entry("abs", Filters::abs),
          Map.entry("attr", Filters::attribute),
          Map.entry("capitalize", text(PythonStrings::capitalize)),
          Map.entry("center", Filters::center),
          Map.entry("count", Filters::length),
          Map.entry("d", Filters::fallback),
          Map.entry("default", Filters::fallback),
          Map.entry("e", Filters::escape),
          Map.entry("escape", Filters::escape),
          Map.entry("float", Filters::real),
          Map.entry("indent", Filters::indent),
          Map.entry("int", Filters::integer),
          Map.entry("length", Filters::length),
          Map.entry("lower", text(PythonStrings::lower)),
          Map.entry("replace", Filters::replace),
          Map.entry("round", Filters::round),
          Map.entry("safe", text(text -> text)),
          Map.entry("string", text(text -> text)),
          Map.entry("title", text(Filters::titled)),
          Map.entry("tojson", Filters::json),
          Map.entry("trim", Filters::trim),
          Map.entry("upper", text(PythonStrings::upper)),
          Map.entry("wordcount", Filters::wordCount));

  private Filters() {}

  static boolean exists(String name) {
    return ALL.containsKey(name) || ListFilters.ALL.containsKey(name);
  }

  static Value apply(Run run, String name, Value input, Arguments arguments) {
    Filter filter = ALL.get(name);
    Filter onLists = ListFilters.ALL.get(name);
    if (filter != null) {
      return filter.apply(run, input, arguments);
    }
    if (onLists != null) {
      return onLists.apply(run, input, arguments);
    }
    throw run.error("there is no filter named '" + name + "'");
  }

  private static Filter text(UnaryOperator<String> mapping) {
    return (run, input, arguments) -> run.text(mapping.apply(PythonText.str(run, input)));
  }

  private static Value abs(Run run, Value input, Arguments arguments) {
    boolean negative = Numbers.real(Operators.defined(run, input)).orElse(1.0) < 0;
    Value negated = Operators.negate(run, input);
    return negative ? negated : Operators.negate(run, negated);
  }

  private static Value attribute(Run run, Value input, Arguments arguments) {
    String name = arguments.bind(run, "attr", "name").requiredText(0);
    return Members.attribute(run, input, name);
  }

  private static Value center(Run run, Value input, Arguments arguments) {
    return TextMethods.justified(run, PythonText.str(run, input), arguments, "center", 1);
  }

  private static Value length(Run run, Value input, Arguments arguments) {
    return Value.Int.of(
        switch (input) {
          case Value.Text text -> {
            run.scan(text.value().length());
            yield PythonStrings.length(text.value());
          }
          case Value.Sequence sequence -> sequence.items().size();
          case Value.Mapping mapping -> mapping.entries().size();
          case Value.Loop loop -> loop.items().size();
          case Value.Undefined _ -> 0;
          default -> throw run.error("a '" + Operators.typeName(input) + "' has no length");
        });
  }

  private static Value fallback(Run run, Value input, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(run, "default", "default_value", "boolean");
    boolean use =
        input instanceof Value.Undefined || (bound.truth(1, false) && !Operators.truth(input));
    return use ? bound.or(0, new Value.Text("")) : input;
  }

  private static Value escape(Run run, Value input, Arguments arguments) {
    String text = PythonText.str(run, input);
    run.allocateText(6L * text.length());
    return new Value.Text(
        text.replace("&", "&amp;")
            .replace(">", "&gt;")
            .replace("<", "&lt;")
            .replace("'", "&#39;")
            .replace("\"", "&#34;"));
  }

  private static Value integer(Run run, Value input, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(run, "int", "default", "base");
    int base = bound.integer(1, 10);
    if (base < 2 || base > 36) {
      throw run.error("int takes a base from 2 to 36, found " + base);
    }
    return whole(Operators.defined(run, input), base)
        .<Value>map(Value.Int::new)
        .orElseGet(() -> bound.or(0, Value.Int.of(0)));
  }

  private static Optional<BigInteger> whole(Value input, int base) {
    if (input instanceof Value.Text text) {
      String digits = PythonStrings.strip(text.value()).replace("_", "");
      Optional<BigInteger> exact = parseInteger(digits, base);
      return exact.isPresent() ? exact : parseReal(digits).flatMap(Filters::truncated);
    }
    Optional<BigInteger> integer = Numbers.integer(input);
    return integer.isPresent() ? integer : Numbers.real(input).flatMap(Filters::truncated);
  }

  private static Optional<BigInteger> parseInteger(String digits, int base) {
    try {
      return digits.length() > Numbers.MAX_DIGITS
          ? Optional.empty()
          : Optional.of(new BigInteger(digits, base));
    } catch (NumberFormatException notAnInteger) {
      return Optional.empty();
    }
  }

  private static Optional<BigInteger> truncated(double number) {
    return Double.isFinite(number)
        ? Optional.of(new BigDecimal(number).toBigInteger())
        : Optional.empty();
  }

  /** Python's spelling of floats: unlike Java's it has no suffixes and no hexadecimal digits. */
  private static Optional<Double> parseReal(String text) {
    boolean spelled =
        text.length() <= 400 && text.matches("[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d+)?");
    return spelled ? Optional.of(Double.parseDouble(text)) : Optional.empty();
  }

  private static Value real(Run run, Value input, Arguments arguments) {
    Value fallback = arguments.bind(run, "float", "default").or(0, new Value.Real(0));
    Optional<Double> number =
        Operators.defined(run, input) instanceof Value.Text text
            ? parseReal(PythonStrings.strip(text.value()).replace("_", ""))
            : Numbers.real(input);
    return number.<Value>map(Value.Real::new).orElse(fallback);
  }

  private static Value round(Run run, Value input, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(run, "round", "precision", "method");
    double number =
        Numbers.real(Operators.defined(run, input))
            .orElseThrow(
                () -> run.error("round needs a number, found " + Operators.typeName(input)));
    int precision = Math.clamp(bound.integer(0, 0), -400, 400);
    RoundingMode mode =
        switch (bound.text(1, "common")) {
          case "common" -> RoundingMode.HALF_EVEN;
          case "ceil" -> RoundingMode.CEILING;
          case "floor" -> RoundingMode.FLOOR;
          default -> throw run.error("round's method is 'common', 'ceil' or 'floor'");
        };
    if (mode == RoundingMode.HALF_EVEN && input instanceof Value.Int && precision >= 0) {
      return input;
    }
    return Double.isFinite(number)
        ? new Value.Real(new BigDecimal(number).setScale(precision, mode).doubleValue())
        : input;
  }

  private static Value replace(Run run, Value input, Arguments arguments) {
    String text = PythonText.str(run, input);
    run.scan(text.length());
    return TextMethods.replace(run, text, arguments);
  }

  private static Value trim(Run run, Value input, Arguments arguments) {
    String text = PythonText.str(run, input);
    run.scan(text.length());
    return arguments
        .bind(run, "trim", "chars")
        .optionalText(0)
        .map(chars -> TextMethods.strip(run, text, chars))
        .orElseGet(() -> run.text(PythonStrings.strip(text)));
  }

  /**
   * Unlike {@code str.title}: a capital at the beginning and after blanks, hyphens and opening
   * brackets.
   */
  private static String titled(String text) {
    StringBuilder result = new StringBuilder();
    boolean begins = true;
    for (int c : text.codePoints().toArray()) {
      String character = Character.toString(c);
      result.append(begins ? PythonStrings.upper(character) : PythonStrings.lower(character));
      begins = PythonStrings.isSpace(c) || "-({[<".indexOf(c) >= 0;
    }
    return result.toString();
  }

  private static Value wordCount(Run run, Value input, Arguments arguments) {
    String text = PythonText.str(run, input);
    run.scan(text.length());
    int words = 0;
    boolean inside = false;
    for (int c : text.codePoints().toArray()) {
      boolean word = Character.isLetterOrDigit(c) || c == '_';
      words += word && !inside ? 1 : 0;
      inside = word;
    }
    return Value.Int.of(words);
  }

  private static Value indent(Run run, Value input, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(run, "indent", "width", "first", "blank");
    Value width = bound.or(0, Value.Int.of(4));
    String indention = width instanceof Value.Text own ? own.value() : spaces(run, width);
    boolean blank = bound.truth(2, false);
    List<String> lines = PythonStrings.lines(PythonText.str(run, input) + "\n", false);
    run.allocateElements(lines.size());
    StringBuilder result = new StringBuilder(bound.truth(1, false) ? indention : "");
    for (int i = 0; i < lines.size(); i++) {
      boolean indented = i > 0 && (blank || !lines.get(i).isEmpty());
      result.append(i == 0 ? "" : "\n").append(indented ? indention : "").append(lines.get(i));
      run.requireLength(result.length());
    }
    return run.text(result.toString());
  }

  private static String spaces(Run run, Value width) {
    int count = Math.max(0, Numbers.toInt(run, width));
    run.allocateText(count);
    return " ".repeat(count);
  }

  private static Value json(Run run, Value input, Arguments arguments) {
    Arguments.Bound bound =
        arguments.bind(run, "tojson", "ensure_ascii", "indent", "separators", "sort_keys");
    Optional<String> indent =
        bound
            .optional(1)
            .filter(value -> value != Value.None.NONE)
            .map(value -> value instanceof Value.Text own ? own.value() : spaces(run, value));
    List<Value> separators =
        bound
            .optional(2)
            .filter(value -> value != Value.None.NONE)
            .map(value -> Operators.iterate(run, value))
            .orElseGet(() ->
                List.of(new Value.Text(indent.isPresent() ? "," : ", "), new Value.Text(": ")));
    if (separators.size() != 2) {
      throw run.error("tojson's separators are two, found " + separators.size());
    }
    JsonText.Layout layout =
        new JsonText.Layout(
            indent,
            PythonText.str(run, separators.get(0)),
            PythonText.str(run, separators.get(1)),
            bound.truth(3, false),
            bound.truth(0, false));
    return new Value.Text(JsonText.write(run, input, layout));
  }
}
