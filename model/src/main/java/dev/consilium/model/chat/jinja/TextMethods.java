package dev.consilium.model.chat.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;

/** The methods of Python strings that templates may call. */
final class TextMethods {

  /** What a method does with its string and arguments. */
  private interface Method {
    Value call(Run run, String text, Arguments arguments);
  }

  private TextMethods() {}

  static Optional<Value> of(String text, String name) {
    return method(name)
        .map(method ->
            new Value.Function(
                name,
                (run, arguments) -> {
                  run.scan(text.length());
                  return method.call(run, text, arguments);
                }));
  }

  private static Optional<Method> method(String name) {
    return Optional.ofNullable(
        switch (name) {
          case "upper" -> mapped(PythonStrings::upper);
          case "lower", "casefold" -> mapped(PythonStrings::lower);
          case "title" -> mapped(PythonStrings::title);
          case "capitalize" -> mapped(PythonStrings::capitalize);
          case "strip" -> stripped(PythonStrings::strip, TextMethods::stripBoth);
          case "lstrip" -> stripped(PythonStrings::stripStart, PythonStrings::stripStart);
          case "rstrip" -> stripped(PythonStrings::stripEnd, PythonStrings::stripEnd);
          case "removeprefix" -> TextMethods::removePrefix;
          case "removesuffix" -> TextMethods::removeSuffix;
          case "split" -> (run, text, arguments) -> split(run, text, arguments, false);
          case "rsplit" -> (run, text, arguments) -> split(run, text, arguments, true);
          case "splitlines" -> TextMethods::splitLines;
          case "partition" -> (run, text, arguments) -> partition(run, text, arguments, false);
          case "rpartition" -> (run, text, arguments) -> partition(run, text, arguments, true);
          case "startswith" -> affix(String::startsWith);
          case "endswith" -> affix(String::endsWith);
          case "find" -> (run, text, args) -> Value.Int.of(find(run, text, args, name, false));
          case "rfind" -> (run, text, args) -> Value.Int.of(find(run, text, args, name, true));
          case "index" -> TextMethods::index;
          case "count" -> TextMethods::count;
          case "replace" -> TextMethods::replace;
          case "join" -> TextMethods::join;
          case "zfill" -> TextMethods::zeroFilled;
          case "ljust" -> (run, text, args) -> justified(run, text, args, name, 0);
          case "rjust" -> (run, text, args) -> justified(run, text, args, name, 2);
          case "center" -> (run, text, args) -> justified(run, text, args, name, 1);
          case "isdigit", "isdecimal", "isnumeric" -> every(Character::isDigit);
          case "isalpha" -> every(Character::isLetter);
          case "isalnum" -> every(Character::isLetterOrDigit);
          case "isspace" -> every(PythonStrings::isSpace);
          case "isupper" -> (run, text, args) -> Value.Bool.of(isCase(text, true));
          case "islower" -> (run, text, args) -> Value.Bool.of(isCase(text, false));
          default -> null;
        });
  }

  private static Method mapped(UnaryOperator<String> mapping) {
    return (run, text, arguments) -> run.text(mapping.apply(text));
  }

  private static Method stripped(
      UnaryOperator<String> spaces, BiFunction<String, String, String> characters) {
    return (run, text, arguments) ->
        arguments
            .bind(run, "strip", "chars")
            .optionalText(0)
            .map(chars -> {
              run.scan((long) text.length() * chars.length());
              return run.text(characters.apply(text, chars));
            })
            .orElseGet(() -> run.text(spaces.apply(text)));
  }

  static Value.Text strip(Run run, String text, String characters) {
    run.scan((long) text.length() * characters.length());
    return run.text(stripBoth(text, characters));
  }

  private static String stripBoth(String text, String characters) {
    return PythonStrings.stripStart(PythonStrings.stripEnd(text, characters), characters);
  }

  private static Value removePrefix(Run run, String text, Arguments arguments) {
    String prefix = arguments.bind(run, "removeprefix", "prefix").requiredText(0);
    return run.text(text.startsWith(prefix) ? text.substring(prefix.length()) : text);
  }

  private static Value removeSuffix(Run run, String text, Arguments arguments) {
    String suffix = arguments.bind(run, "removesuffix", "suffix").requiredText(0);
    boolean has = text.endsWith(suffix);
    return run.text(has ? text.substring(0, text.length() - suffix.length()) : text);
  }

  private static Value split(Run run, String text, Arguments arguments, boolean fromEnd) {
    Arguments.Bound bound = arguments.bind(run, "split", "sep", "maxsplit");
    int limit = bound.integer(1, -1);
    Optional<String> separator = bound.optionalText(0);
    if (separator.isPresent() && separator.get().isEmpty()) {
      throw run.error("split needs a separator that is not empty");
    }
    if (fromEnd && separator.isPresent() && separator.get().length() > Search.SHORT_PART) {
      throw run.limit("rsplit takes separators of at most " + Search.SHORT_PART + " characters");
    }
    if (fromEnd && separator.isEmpty() && limit >= 0) {
      throw run.error("rsplit with maxsplit needs a separator");
    }
    List<String> parts =
        separator
            .map(by ->
                fromEnd
                    ? PythonStrings.splitFromEnd(text, by, limit)
                    : PythonStrings.split(text, by, limit))
            .orElseGet(() -> PythonStrings.splitAtSpace(text, limit));
    return texts(run, parts);
  }

  private static Value texts(Run run, List<String> parts) {
    run.allocateElements(parts.size());
    List<Value> values = new ArrayList<>(parts.size());
    for (String part : parts) {
      values.add(run.text(part));
    }
    return Value.Sequence.list(values);
  }

  private static Value splitLines(Run run, String text, Arguments arguments) {
    boolean keepEnds = arguments.bind(run, "splitlines", "keepends").truth(0, false);
    return texts(run, PythonStrings.lines(text, keepEnds));
  }

  private static Value partition(Run run, String text, Arguments arguments, boolean last) {
    String separator = arguments.bind(run, "partition", "sep").requiredText(0);
    if (separator.isEmpty()) {
      throw run.error("partition needs a separator that is not empty");
    }
    int at = last ? Search.lastIndexOf(text, separator) : Search.indexOf(text, separator, 0);
    if (at < 0) {
      Value empty = new Value.Text("");
      Value whole = run.text(text);
      return last
          ? Value.Sequence.tuple(empty, empty, whole)
          : Value.Sequence.tuple(whole, empty, empty);
    }
    return Value.Sequence.tuple(
        run.text(text.substring(0, at)),
        run.text(separator),
        run.text(text.substring(at + separator.length())));
  }

  /** Python takes one affix or a tuple of them. */
  private static Method affix(BiFunction<String, String, Boolean> has) {
    return (run, text, arguments) -> {
      Value affix = arguments.bind(run, "startswith or endswith", "affix").required(0);
      List<Value> choices =
          affix instanceof Value.Sequence sequence ? sequence.items() : List.of(affix);
      for (Value choice : choices) {
        if (!(choice instanceof Value.Text wanted)) {
          throw run.error(
              "startswith and endswith need a string, found " + Operators.typeName(choice));
        }
        if (has.apply(text, wanted.value())) {
          return Value.Bool.TRUE;
        }
      }
      return Value.Bool.FALSE;
    };
  }

  private static int find(
      Run run, String text, Arguments arguments, String method, boolean fromEnd) {
    String part = arguments.bind(run, method, "sub").requiredText(0);
    int at = fromEnd ? Search.lastIndexOf(text, part) : Search.indexOf(text, part, 0);
    return at < 0 ? -1 : text.codePointCount(0, at);
  }

  private static Value index(Run run, String text, Arguments arguments) {
    int at = find(run, text, arguments, "index", false);
    if (at < 0) {
      throw run.error("index: the part does not occur in the string");
    }
    return Value.Int.of(at);
  }

  private static Value count(Run run, String text, Arguments arguments) {
    String part = arguments.bind(run, "count", "sub").requiredText(0);
    return Value.Int.of(PythonStrings.count(text, part));
  }

  static Value replace(Run run, String text, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(run, "replace", "old", "new", "count");
    String old = bound.requiredText(0);
    String replacement = bound.requiredText(1);
    int limit = bound.integer(2, -1);
    long occurrences = PythonStrings.count(text, old);
    long replaced = limit < 0 ? occurrences : Math.min(limit, occurrences);
    long growth = (long) replacement.length() - old.length();
    run.allocateText(Math.max(0, text.length() + replaced * growth));
    return new Value.Text(PythonStrings.replace(text, old, replacement, limit));
  }

  static Value join(Run run, String separator, Arguments arguments) {
    Value items = arguments.bind(run, "join", "iterable").required(0);
    List<String> parts = new ArrayList<>();
    long length = 0;
    for (Value item : Operators.iterate(run, items)) {
      if (!(item instanceof Value.Text part)) {
        throw run.error("join needs strings, found " + Operators.typeName(item));
      }
      parts.add(part.value());
      length += part.value().length() + separator.length();
      run.step(1);
      run.requireLength(length);
    }
    return run.text(String.join(separator, parts));
  }

  private static Value zeroFilled(Run run, String text, Arguments arguments) {
    int width = arguments.bind(run, "zfill", "width").integer(0, 0);
    int missing = Math.max(0, width - PythonStrings.length(text));
    boolean signed = text.startsWith("-") || text.startsWith("+");
    run.allocateText((long) text.length() + missing);
    String zeros = "0".repeat(missing);
    return new Value.Text(signed ? text.charAt(0) + zeros + text.substring(1) : zeros + text);
  }

  /** Pads on the right (0), on both sides (1) or on the left (2). */
  static Value justified(Run run, String text, Arguments arguments, String method, int where) {
    Arguments.Bound bound = arguments.bind(run, method, "width", "fillchar");
    String fill = bound.text(1, " ");
    if (PythonStrings.length(fill) != 1) {
      throw run.error(method + " fills with exactly one character");
    }
    int width = bound.integer(0, 80);
    int missing = Math.max(0, width - PythonStrings.length(text));
    run.allocateText((long) text.length() + (long) missing * fill.length());
    int left =
        switch (where) {
          case 0 -> 0;
          case 1 -> missing / 2 + (missing & width & 1);
          default -> missing;
        };
    return new Value.Text(fill.repeat(left) + text + fill.repeat(missing - left));
  }

  private static Method every(IntPredicate predicate) {
    return (run, text, arguments) ->
        Value.Bool.of(!text.isEmpty() && text.codePoints().allMatch(predicate));
  }

  static boolean isCase(String text, boolean upper) {
    boolean cased =
        text.codePoints().anyMatch(c -> Character.isUpperCase(c) || Character.isLowerCase(c));
    return cased
        && text.codePoints()
            .noneMatch(c -> upper ? Character.isLowerCase(c) : Character.isUpperCase(c));
  }
}
