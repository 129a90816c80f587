package dev.consilium.model.chat.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The methods of Python's lists and dicts that templates may call. Those that change a list change
 * only what belongs to this rendering: values are taken in anew for each.
 */
final class ContainerMethods {

  private ContainerMethods() {}

  static Optional<Value> of(Value.Mapping mapping, String name) {
    Optional<Value.Code> code =
        Optional.ofNullable(
            switch (name) {
              case "items" -> (run, args) -> listed(run, mapping.items());
              case "keys" -> (run, args) -> listed(run, mapping.keys());
              case "values" ->
                  (run, args) -> listed(run, new ArrayList<>(mapping.entries().values()));
              case "get" -> (run, args) -> get(run, mapping, args);
              case "copy" -> (run, args) -> copy(run, mapping);
              case "update" -> (run, args) -> update(run, mapping, args);
              default -> null;
            });
    return code.map(does -> new Value.Function(name, does));
  }

  private static Value listed(Run run, List<Value> items) {
    run.allocateElements(items.size());
    return Value.Sequence.list(items);
  }

  private static Value get(Run run, Value.Mapping mapping, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(run, "get", "key", "default");
    Value found = mapping.entries().get(Operators.key(run, bound.required(0)));
    return found == null ? bound.or(1, Value.None.NONE) : found;
  }

  private static Value copy(Run run, Value.Mapping mapping) {
    run.allocateElements(mapping.entries().size());
    return new Value.Mapping(new LinkedHashMap<>(mapping.entries()));
  }

  private static Value update(Run run, Value.Mapping mapping, Arguments arguments) {
    Map<Value, Value> added = dict(run, arguments).entries();
    run.allocateElements(added.size());
    mapping.entries().putAll(added);
    return Value.None.NONE;
  }

  /** {@code dict(mapping_or_pairs, name=value, ...)}. */
  static Value.Mapping dict(Run run, Arguments arguments) {
    Map<Value, Value> entries = new LinkedHashMap<>();
    for (Value source : arguments.positional()) {
      if (source instanceof Value.Mapping mapping) {
        run.allocateElements(mapping.entries().size());
        entries.putAll(mapping.entries());
      } else {
        putPairs(run, entries, source);
      }
    }
    arguments.named().forEach((name, value) -> entries.put(new Value.Text(name), value));
    return new Value.Mapping(entries);
  }

  private static void putPairs(Run run, Map<Value, Value> entries, Value source) {
    for (Value item : Operators.iterate(run, source)) {
      List<Value> pair = Operators.iterate(run, item);
      if (pair.size() != 2) {
        throw run.error("a dict is made of pairs, found " + pair.size() + " items in one");
      }
      run.allocateElements(1);
      entries.put(Operators.key(run, pair.get(0)), pair.get(1));
    }
  }

  static Optional<Value> of(Value.Sequence sequence, String name) {
    List<Value> items = sequence.items();
    Optional<Value.Code> reading =
        Optional.ofNullable(
            switch (name) {
              case "index" -> (run, args) -> index(run, items, args);
              case "count" -> (run, args) -> count(run, items, args);
              case "copy" -> (run, args) -> listed(run, new ArrayList<>(items));
              default -> null;
            });
    return reading
        .or(() -> sequence.isTuple() ? Optional.empty() : changing(items, name))
        .map(code -> new Value.Function(name, code));
  }

  private static Optional<Value.Code> changing(List<Value> items, String name) {
    return Optional.ofNullable(
        switch (name) {
          case "append" -> (run, args) -> insert(run, items, items.size(), args, name);
          case "insert" -> (run, args) -> insertAt(run, items, args);
          case "extend" -> (run, args) -> extend(run, items, args);
          case "pop" -> (run, args) -> pop(run, items, args);
          case "reverse" -> (run, args) -> reverse(run, items);
          default -> null;
        });
  }

  private static Value index(Run run, List<Value> items, Arguments arguments) {
    int at = Operators.indexOf(run, items, arguments.bind(run, "index", "value").required(0));
    if (at < 0) {
      throw run.error("index: the value is not in the list");
    }
    return Value.Int.of(at);
  }

  private static Value count(Run run, List<Value> items, Arguments arguments) {
    Value wanted = arguments.bind(run, "count", "value").required(0);
    int count = 0;
    for (Value item : items) {
      run.step(1);
      count += Operators.equal(run, item, wanted) ? 1 : 0;
    }
    return Value.Int.of(count);
  }

  private static Value insert(
      Run run, List<Value> items, int index, Arguments arguments, String method) {
    run.allocateElements(1);
    items.add(index, arguments.bind(run, method, "object").required(0));
    return Value.None.NONE;
  }

  private static Value insertAt(Run run, List<Value> items, Arguments arguments) {
    int wanted = arguments.bind(run, "insert", "index", "object").integer(0, 0);
    int index = wanted < 0 ? Math.max(0, wanted + items.size()) : Math.min(wanted, items.size());
    run.step(items.size());
    return insert(run, items, index, arguments.without(1), "insert");
  }

  private static Value extend(Run run, List<Value> items, Arguments arguments) {
    Value source = arguments.bind(run, "extend", "iterable").required(0);
    List<Value> added = new ArrayList<>(Operators.iterate(run, source));
    run.allocateElements(added.size());
    items.addAll(added);
    return Value.None.NONE;
  }

  private static Value pop(Run run, List<Value> items, Arguments arguments) {
    int wanted = arguments.bind(run, "pop", "index").integer(0, -1);
    int index = wanted < 0 ? wanted + items.size() : wanted;
    if (index < 0 || index >= items.size()) {
      throw run.error("pop: the list has no item " + wanted);
    }
    run.step(items.size());
    return items.remove(index);
  }

  private static Value reverse(Run run, List<Value> items) {
    run.step(items.size());
    java.util.Collections.reverse(items);
    return Value.None.NONE;
  }
}
