package dev.consilium.model.chat.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * The filters on lists and what can be gone through like one. Where Jinja gives a generator, these
 * give a list.
 */
final class ListFilters {

  static final Map<String, Filters.Filter> ALL =
      Map.ofEntries(
          Map.entry("batch", ListFilters::batch),
          Map.entry("dictsort", ListFilters::sortedDict),
          Map.entry("first", (run, input, args) -> end(run, input, true)),
          Map.entry("groupby", ListFilters::grouped),
          Map.entry("items", ListFilters::items),
          Map.entry("join", ListFilters::join),
          Map.entry("last", (run, input, args) -> end(run, input, false)),
          Map.entry("list", (run, input, args) -> list(run, Operators.iterate(run, input))),
          Map.entry("map", ListFilters::map),
          Map.entry("max", (run, input, args) -> extreme(run, input, args, "max", 1)),
          Map.entry("min", (run, input, args) -> extreme(run, input, args, "min", -1)),
          Map.entry("reject", (run, input, args) -> select(run, input, args, false)),
          Map.entry("rejectattr", (run, input, args) -> selectByAttribute(run, input, args, false)),
          Map.entry("reverse", ListFilters::reverse),
          Map.entry("select", (run, input, args) -> select(run, input, args, true)),
          Map.entry("selectattr", (run, input, args) -> selectByAttribute(run, input, args, true)),
          Map.entry("sort", ListFilters::sorted),
          Map.entry("sum", ListFilters::sum),
          Map.entry("unique", ListFilters::unique));

  private ListFilters() {}

  private static Value list(Run run, List<Value> items) {
    run.allocateElements(items.size());
    return Value.Sequence.list(new ArrayList<>(items));
  }

  private static Value end(Run run, Value input, boolean first) {
    List<Value> items = Operators.iterate(run, input);
    if (items.isEmpty()) {
      return new Value.Undefined("an empty list has no first or last item");
    }
    return first ? items.getFirst() : items.getLast();
  }

  private static Value items(Run run, Value input, Arguments arguments) {
    return switch (input) {
      case Value.Mapping mapping -> list(run, mapping.items());
      case Value.Undefined _ -> list(run, List.of());
      default -> throw run.error("items needs a dict, found " + Operators.typeName(input));
    };
  }

  private static Value reverse(Run run, Value input, Arguments arguments) {
    if (input instanceof Value.Text text) {
      return run.text(new StringBuilder(text.value()).reverse().toString());
    }
    List<Value> items = Operators.iterate(run, input);
    run.allocateElements(items.size());
    return Value.Sequence.list(new ArrayList<>(items.reversed()));
  }

  private static Value join(Run run, Value input, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(run, "join", "d", "attribute");
    Function<Value, Value> attribute = path(run, bound.optional(1), Optional.empty());
    String separator = PythonText.str(run, bound.or(0, new Value.Text("")));
    StringBuilder text = new StringBuilder();
    String before = "";
    for (Value item : Operators.iterate(run, input)) {
      run.step(1);
      text.append(before).append(PythonText.str(run, attribute.apply(item)));
      run.requireLength(text.length());
      before = separator;
    }
    return run.text(text.toString());
  }

  private static Value batch(Run run, Value input, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(run, "batch", "linecount", "fill_with");
    int size = bound.integer(0, 1);
    if (size < 1) {
      throw run.error("batch needs a positive size, found " + size);
    }
    List<Value> items = Operators.iterate(run, input);
    List<Value> batches = new ArrayList<>();
    for (int from = 0; from >= 0 && from < items.size(); from += size) {
      List<Value> batch =
          new ArrayList<>(items.subList(from, from + Math.min(size, items.size() - from)));
      run.allocateElements(1 + batch.size());
      bound.optional(1).ifPresent(fill -> pad(run, batch, size, fill));
      batches.add(Value.Sequence.list(batch));
    }
    return Value.Sequence.list(batches);
  }

  private static void pad(Run run, List<Value> batch, int size, Value fill) {
    run.allocateElements(size - batch.size());
    batch.addAll(Collections.nCopies(size - batch.size(), fill));
  }

  private static Value map(Run run, Value input, Arguments arguments) {
    Function<Value, Value> mapping = mapping(run, arguments);
    List<Value> items = Operators.iterate(run, input);
    run.allocateElements(items.size());
    List<Value> mapped = new ArrayList<>(items.size());
    for (Value item : items) {
      mapped.add(mapping.apply(item));
    }
    return Value.Sequence.list(mapped);
  }

  private static Function<Value, Value> mapping(Run run, Arguments arguments) {
    if (arguments.positional().isEmpty()) {
      Arguments.Bound bound = arguments.bind(run, "map", "attribute", "default");
      bound.required(0);
      return path(run, bound.optional(0), bound.optional(1));
    }
    String filter = PythonText.str(run, arguments.positional().getFirst());
    Arguments rest = arguments.without(1);
    return item -> Filters.apply(run, filter, item, rest);
  }

  private static Value select(Run run, Value input, Arguments arguments, boolean keep) {
    return filtered(run, input, predicate(run, arguments, Function.identity()), keep);
  }

  private static Value selectByAttribute(Run run, Value input, Arguments arguments, boolean keep) {
    if (arguments.positional().isEmpty()) {
      throw run.error("selectattr and rejectattr need the name of an attribute");
    }
    Optional<Value> name = Optional.of(arguments.positional().getFirst());
    Function<Value, Value> attribute = path(run, name, Optional.empty());
    return filtered(run, input, predicate(run, arguments.without(1), attribute), keep);
  }

  private static Predicate<Value> predicate(
      Run run, Arguments arguments, Function<Value, Value> of) {
    if (arguments.positional().isEmpty()) {
      return item -> Operators.truth(of.apply(item));
    }
    String test = PythonText.str(run, arguments.positional().getFirst());
    Arguments rest = arguments.without(1);
    return item -> Predicates.test(run, test, of.apply(item), rest);
  }

  private static Value filtered(Run run, Value input, Predicate<Value> predicate, boolean keep) {
    List<Value> kept = new ArrayList<>();
    for (Value item : Operators.iterate(run, input)) {
      run.step(1);
      if (predicate.test(item) == keep) {
        run.allocateElements(1);
        kept.add(item);
      }
    }
    return Value.Sequence.list(kept);
  }

  /** Gets {@code "a.b.0"} of a value step by step; without a path the value itself. */
  private static Function<Value, Value> path(
      Run run, Optional<Value> path, Optional<Value> fallback) {
    if (path.isEmpty() || path.get() == Value.None.NONE) {
      return Function.identity();
    }
    List<String> steps = PythonStrings.split(PythonText.str(run, path.get()), ".", -1);
    return item -> {
      Value value = item;
      for (String step : steps) {
        run.step(1);
        boolean index =
            !step.isEmpty()
                && step.length() < 10
                && step.chars().allMatch(c -> c >= '0' && c <= '9');
        value =
            Members.item(
                run, value, index ? Value.Int.of(Integer.parseInt(step)) : new Value.Text(step));
        if (value instanceof Value.Undefined && fallback.isPresent()) {
          return fallback.get();
        }
      }
      return value;
    };
  }

  private static Value sorted(Run run, Value input, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(run, "sort", "reverse", "case_sensitive", "attribute");
    Comparator<Value> order = orderByAll(run, bound.truth(1, false), bound.optional(2));
    return sortedList(
        run, Operators.iterate(run, input), bound.truth(0, false) ? order.reversed() : order);
  }

  /** {@code "a,b"}: by {@code a}, where equal by {@code b}. */
  private static Comparator<Value> orderByAll(
      Run run, boolean caseSensitive, Optional<Value> attributes) {
    List<String> names =
        PythonStrings.split(attributes.map(a -> PythonText.str(run, a)).orElse(""), ",", -1);
    Comparator<Value> order = (_, _) -> 0;
    for (String name : names) {
      Optional<Value> path = attributes.map(all -> new Value.Text(name));
      order = order.thenComparing(order(run, caseSensitive, path(run, path, Optional.empty())));
    }
    return order;
  }

  private static Value sortedList(Run run, List<Value> items, Comparator<Value> order) {
    run.allocateElements(items.size());
    List<Value> sorted = new ArrayList<>(items);
    sorted.sort(order);
    return Value.Sequence.list(sorted);
  }

  private static Comparator<Value> order(
      Run run, boolean caseSensitive, Function<Value, Value> of) {
    return (a, b) -> {
      run.step(1);
      return Operators.order(
          run, folded(run, of.apply(a), caseSensitive), folded(run, of.apply(b), caseSensitive));
    };
  }

  private static Value folded(Run run, Value value, boolean caseSensitive) {
    return !caseSensitive && value instanceof Value.Text text
        ? run.text(PythonStrings.lower(text.value()))
        : value;
  }

  private static Value sortedDict(Run run, Value input, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(run, "dictsort", "case_sensitive", "by", "reverse");
    if (!(input instanceof Value.Mapping mapping)) {
      throw run.error("dictsort needs a dict, found " + Operators.typeName(input));
    }
    int position = bound.text(1, "key").equals("value") ? 1 : 0;
    Comparator<Value> order =
        order(run, bound.truth(0, false), pair -> Members.item(run, pair, Value.Int.of(position)));
    return sortedList(run, mapping.items(), bound.truth(2, false) ? order.reversed() : order);
  }

  private static Value unique(Run run, Value input, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(run, "unique", "case_sensitive", "attribute");
    Function<Value, Value> attribute = path(run, bound.optional(1), Optional.empty());
    List<Value> seen = new ArrayList<>();
    List<Value> kept = new ArrayList<>();
    for (Value item : Operators.iterate(run, input)) {
      Value key = folded(run, attribute.apply(item), bound.truth(0, false));
      if (Operators.indexOf(run, seen, key) < 0) {
        run.allocateElements(2);
        seen.add(key);
        kept.add(item);
      }
    }
    return Value.Sequence.list(kept);
  }

  private static Value extreme(Run run, Value input, Arguments arguments, String name, int sign) {
    Arguments.Bound bound = arguments.bind(run, name, "case_sensitive", "attribute");
    Comparator<Value> order =
        order(run, bound.truth(0, false), path(run, bound.optional(1), Optional.empty()));
    Optional<Value> best = Optional.empty();
    for (Value item : Operators.iterate(run, input)) {
      if (best.isEmpty() || order.compare(item, best.get()) * sign > 0) {
        best = Optional.of(item);
      }
    }
    return best.orElseGet(() -> new Value.Undefined("an empty list has no " + name));
  }

  private static Value sum(Run run, Value input, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(run, "sum", "attribute", "start");
    Function<Value, Value> attribute = path(run, bound.optional(0), Optional.empty());
    Value sum = bound.or(1, Value.Int.of(0));
    for (Value item : Operators.iterate(run, input)) {
      run.step(1);
      sum = Operators.calculate(run, Expression.Arithmetic.ADD, sum, attribute.apply(item));
    }
    return sum;
  }

  private static Value grouped(Run run, Value input, Arguments arguments) {
    Arguments.Bound bound =
        arguments.bind(run, "groupby", "attribute", "default", "case_sensitive");
    boolean caseSensitive = bound.truth(2, false);
    bound.required(0);
    Function<Value, Value> attribute = path(run, bound.optional(0), bound.optional(1));
    Comparator<Value> order = order(run, caseSensitive, attribute);
    List<Value> sorted = new ArrayList<>(Operators.iterate(run, input));
    run.allocateElements(2L * sorted.size());
    sorted.sort(order);
    List<Value> groups = new ArrayList<>();
    List<Value> group = new ArrayList<>();
    for (Value item : sorted) {
      if (!group.isEmpty() && order.compare(group.getFirst(), item) != 0) {
        groups.add(group(attribute, group));
        group = new ArrayList<>();
      }
      group.add(item);
    }
    if (!group.isEmpty()) {
      groups.add(group(attribute, group));
    }
    return Value.Sequence.list(groups);
  }

  private static Value group(Function<Value, Value> attribute, List<Value> group) {
    return Value.Sequence.tuple(attribute.apply(group.getFirst()), Value.Sequence.list(group));
  }
}
