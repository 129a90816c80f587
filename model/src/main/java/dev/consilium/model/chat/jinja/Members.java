package dev.consilium.model.chat.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Attributes and items of values. {@code a.b} looks for a method before a key, {@code a['b']} for a
 * key before a method, as Jinja does. The methods are those written in {@link TextMethods}, {@link
 * ContainerMethods} and here: nothing of Java shows.
 */
final class Members {

  private Members() {}

  static Value attribute(Run run, Value target, String name) {
    return switch (Operators.defined(run, target)) {
      case Value.Mapping mapping ->
          ContainerMethods.of(mapping, name)
              .or(() -> entry(mapping, new Value.Text(name)))
              .orElseGet(() -> missing(target, name));
      default -> ownAttribute(target, name).orElseGet(() -> missing(target, name));
    };
  }

  private static Optional<Value> ownAttribute(Value target, String name) {
    return switch (target) {
      case Value.Text text -> TextMethods.of(text.value(), name);
      case Value.Sequence sequence -> ContainerMethods.of(sequence, name);
      case Value.Mapping mapping -> ContainerMethods.of(mapping, name);
      case Value.Namespace namespace -> Optional.ofNullable(namespace.attributes().get(name));
      case Value.Loop loop -> LoopAttributes.of(loop, name);
      case Value.Function function when name.equals("name") ->
          Optional.of(new Value.Text(function.name()));
      default -> Optional.empty();
    };
  }

  private static Optional<Value> entry(Value.Mapping mapping, Value key) {
    return Optional.ofNullable(mapping.entries().get(key));
  }

  private static Value missing(Value target, String name) {
    return new Value.Undefined(
        "'%s' has no attribute or key '%s'".formatted(Operators.typeName(target), name));
  }

  static Value item(Run run, Value target, Value index) {
    Optional<Value> found =
        switch (Operators.defined(run, target)) {
          case Value.Mapping mapping -> entry(mapping, Operators.key(run, index));
          case Value.Sequence sequence when Numbers.integer(index).isPresent() ->
              element(sequence.items(), Numbers.toInt(run, index));
          case Value.Text text when Numbers.integer(index).isPresent() -> {
            run.scan(text.value().length());
            yield PythonStrings.at(text.value(), Numbers.toInt(run, index)).map(Value.Text::new);
          }
          default -> Optional.empty();
        };
    if (found.isEmpty() && index instanceof Value.Text name) {
      return ownAttribute(target, name.value()).orElseGet(() -> missing(target, name.value()));
    }
    return found.orElseGet(() -> missing(target, PythonText.str(run, index)));
  }

  private static Optional<Value> element(List<Value> items, int index) {
    int from = index < 0 ? index + items.size() : index;
    return from >= 0 && from < items.size() ? Optional.of(items.get(from)) : Optional.empty();
  }

  static Value slice(Run run, Value target, SliceBounds bounds) {
    return switch (Operators.defined(run, target)) {
      case Value.Text text -> {
        run.allocateText(text.value().length());
        yield new Value.Text(PythonStrings.slice(text.value(), bounds));
      }
      case Value.Sequence sequence -> {
        run.allocateElements(sequence.items().size());
        List<Value> items = new ArrayList<>();
        bounds.indexes(sequence.items().size()).forEach(i -> items.add(sequence.items().get(i)));
        yield sequence.isTuple() ? Value.Sequence.tuple(items) : Value.Sequence.list(items);
      }
      default -> throw run.error("a '" + Operators.typeName(target) + "' cannot be sliced");
    };
  }
}
