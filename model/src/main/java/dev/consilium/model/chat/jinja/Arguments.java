package dev.consilium.model.chat.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The values of a call. */
record Arguments(List<Value> positional, Map<String, Value> named) {

  static final Arguments NONE = new Arguments(List.of(), Map.of());

  /**
   * Matches the values with parameters.
   *
   * @param function how errors name what is called
   * @throws TemplateException if there are too many values or one for a name that is no parameter
   */
  Bound bind(Run run, String function, String... parameters) {
    if (positional.size() > parameters.length) {
      throw run.error(
          "%s takes at most %d arguments, found %d"
              .formatted(function, parameters.length, positional.size()));
    }
    List<Optional<Value>> values = new ArrayList<>();
    for (int i = 0; i < parameters.length; i++) {
      Optional<Value> byName = Optional.ofNullable(named.get(parameters[i]));
      values.add(i < positional.size() ? Optional.of(positional.get(i)) : byName);
    }
    for (String name : named.keySet()) {
      if (!List.of(parameters).contains(name)) {
        throw run.error(function + " has no argument named '" + name + "'");
      }
    }
    return new Bound(run, function, List.of(parameters), values);
  }

  /** These arguments without the first {@code count} positional ones. */
  Arguments without(int count) {
    return new Arguments(positional.subList(count, positional.size()), named);
  }

  /** Values by parameter. */
  record Bound(Run run, String function, List<String> parameters, List<Optional<Value>> values) {

    Optional<Value> optional(int parameter) {
      return values.get(parameter);
    }

    Value required(int parameter) {
      return optional(parameter)
          .orElseThrow(() ->
              run.error(function + " needs the argument '" + parameters.get(parameter) + "'"));
    }

    Value or(int parameter, Value fallback) {
      return optional(parameter).orElse(fallback);
    }

    boolean truth(int parameter, boolean fallback) {
      return optional(parameter).map(Operators::truth).orElse(fallback);
    }

    /** A text; {@code None} and a missing value are the fallback. */
    String text(int parameter, String fallback) {
      return optionalText(parameter).orElse(fallback);
    }

    Optional<String> optionalText(int parameter) {
      return optional(parameter)
          .filter(value -> value != Value.None.NONE)
          .map(value -> requireText(parameter, value));
    }

    String requiredText(int parameter) {
      return requireText(parameter, required(parameter));
    }

    int integer(int parameter, int fallback) {
      return optional(parameter)
          .filter(value -> value != Value.None.NONE)
          .map(value -> Numbers.toInt(run, value))
          .orElse(fallback);
    }

    private String requireText(int parameter, Value value) {
      if (value instanceof Value.Text text) {
        return text.value();
      }
      throw run.error(
          "%s needs a string as '%s', found %s"
              .formatted(function, parameters.get(parameter), Operators.typeName(value)));
    }
  }
}
