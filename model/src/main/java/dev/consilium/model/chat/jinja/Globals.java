package dev.consilium.model.chat.jinja;

import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The functions that every chat template may call. */
final class Globals {

  static final Map<String, Value> ALL = all();

  private Globals() {}

  private static Map<String, Value> all() {
    Map<String, Value> globals = new LinkedHashMap<>();
    define(globals, "range", Globals::range);
    define(globals, "dict", ContainerMethods::dict);
    define(globals, "namespace", Globals::namespace);
    define(globals, "joiner", Globals::joiner);
    define(globals, "raise_exception", Globals::raise);
    define(globals, "strftime_now", Globals::now);
    return Map.copyOf(globals);
  }

  private static void define(Map<String, Value> globals, String name, Value.Code code) {
    globals.put(name, new Value.Function(name, code));
  }

  private static Value range(Run run, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(run, "range", "start", "stop", "step");
    boolean onlyStop = bound.optional(1).isEmpty();
    bound.required(0);
    long start = onlyStop ? 0 : bound.integer(0, 0);
    long stop = bound.integer(onlyStop ? 0 : 1, 0);
    long step = bound.integer(2, 1);
    if (step == 0) {
      throw run.error("the step of range() cannot be 0");
    }
    long count = Math.max(0, (stop - start + step - Long.signum(step)) / step);
    if (count > run.limits().maxRange()) {
      throw run.limit(
          "range() of %d numbers, the limit is %d (maxRange)"
              .formatted(count, run.limits().maxRange()));
    }
    run.allocateElements(count);
    List<Value> numbers = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      numbers.add(Value.Int.of(start + i * step));
    }
    return Value.Sequence.list(numbers);
  }

  private static Value namespace(Run run, Arguments arguments) {
    Value.Namespace namespace = new Value.Namespace();
    ContainerMethods.dict(run, arguments)
        .entries()
        .forEach((key, value) -> namespace.attributes().put(PythonText.str(run, key), value));
    return namespace;
  }

  /** Gives nothing at its first call and the separator at each further one. */
  private static Value joiner(Run run, Arguments arguments) {
    String separator = arguments.bind(run, "joiner", "sep").text(0, ", ");
    boolean[] used = {false};
    return new Value.Function(
        "joiner",
        (caller, none) -> {
          boolean first = !used[0];
          used[0] = true;
          return new Value.Text(first ? "" : separator);
        });
  }

  private static Value raise(Run run, Arguments arguments) {
    Value message = arguments.bind(run, "raise_exception", "message").required(0);
    throw run.raised(PythonText.str(run, message));
  }

  private static Value now(Run run, Arguments arguments) {
    String format = arguments.bind(run, "strftime_now", "format").requiredText(0);
    return run.text(TimeFormat.format(run, format, LocalDateTime.now(run.clock())));
  }
}
