package dev.consilium.model.chat.jinja;

import java.util.List;
import java.util.Optional;

/** What {@code loop} knows inside a {@code for}. */
final class LoopAttributes {

  private LoopAttributes() {}

  static Optional<Value> of(Value.Loop loop, String name) {
    int index = loop.index();
    int count = loop.items().size();
    return switch (name) {
      case "index" -> Optional.of(Value.Int.of(index + 1));
      case "index0" -> Optional.of(Value.Int.of(index));
      case "revindex" -> Optional.of(Value.Int.of(count - index));
      case "revindex0" -> Optional.of(Value.Int.of(count - index - 1));
      case "first" -> Optional.of(Value.Bool.of(index == 0));
      case "last" -> Optional.of(Value.Bool.of(index == count - 1));
      case "length" -> Optional.of(Value.Int.of(count));
      // Only recursive loops, which we have not, get deeper.
      case "depth" -> Optional.of(Value.Int.of(1));
      case "depth0" -> Optional.of(Value.Int.of(0));
      case "previtem" -> Optional.of(neighbour(loop, index - 1, "previous"));
      case "nextitem" -> Optional.of(neighbour(loop, index + 1, "next"));
      case "cycle" -> Optional.of(new Value.Function(name, (run, args) -> cycle(run, loop, args)));
      case "changed" ->
          Optional.of(new Value.Function(name, (run, args) -> changed(run, loop, args)));
      default -> Optional.empty();
    };
  }

  private static Value neighbour(Value.Loop loop, int index, String which) {
    List<Value> items = loop.items();
    return index >= 0 && index < items.size()
        ? items.get(index)
        : new Value.Undefined("there is no " + which + " item");
  }

  private static Value cycle(Run run, Value.Loop loop, Arguments arguments) {
    if (arguments.positional().isEmpty()) {
      throw run.error("loop.cycle needs something to cycle through");
    }
    return arguments.positional().get(loop.index() % arguments.positional().size());
  }

  private static Value changed(Run run, Value.Loop loop, Arguments arguments) {
    Value now = Value.Sequence.tuple(arguments.positional());
    Value before = Value.Sequence.tuple(loop.swapChecked(arguments.positional()));
    return Value.Bool.of(loop.index() == 0 || !Operators.equal(run, now, before));
  }
}
