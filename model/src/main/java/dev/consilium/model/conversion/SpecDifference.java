package dev.consilium.model.conversion;

import dev.consilium.model.family.ModelSpec;
import java.lang.reflect.RecordComponent;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/** The first thing that two specifications say differently, by the names of their components. */
final class SpecDifference {

  /**
   * What weights are called and where, and what is for people, may differ: a file has its own
   * names, and no more tokens that end a text than it has keys for.
   */
  private static final Set<String> NOT_COMPARED =
      Set.of("family", "architecture", "predictionLayers", "tokens", "names");

  private static final int MOST_SHOWN = 80;

  private SpecDifference() {}

  /**
   * Such as {@code layers[2].attention.keys is SlidingWindow[keys=16], and would become AllKeys[]}.
   */
  static Optional<String> between(ModelSpec meant, ModelSpec written) {
    for (RecordComponent component : ModelSpec.class.getRecordComponents()) {
      if (!NOT_COMPARED.contains(component.getName())) {
        Optional<String> difference =
            between(component.getName(), value(component, meant), value(component, written));
        if (difference.isPresent()) {
          return difference;
        }
      }
    }
    return Optional.empty();
  }

  private static Optional<String> between(String where, Object meant, Object written) {
    if (Objects.equals(meant, written)) {
      return Optional.empty();
    }
    if (meant instanceof List<?> some && written instanceof List<?> others) {
      return betweenLists(where, some, others);
    }
    if (meant instanceof Optional<?> one
        && written instanceof Optional<?> other
        && one.isPresent()
        && other.isPresent()) {
      return between(where, one.get(), other.get());
    }
    if (meant instanceof Record && meant.getClass().equals(written.getClass())) {
      return betweenRecords(where, meant, written);
    }
    return Optional.of(text(where, meant, written));
  }

  private static Optional<String> betweenLists(String where, List<?> some, List<?> others) {
    if (some.size() != others.size()) {
      return Optional.of(
          "%s has %d entries, and would have %d".formatted(where, some.size(), others.size()));
    }
    for (int i = 0; i < some.size(); i++) {
      Optional<String> difference = between(where + "[" + i + "]", some.get(i), others.get(i));
      if (difference.isPresent()) {
        return difference;
      }
    }
    return Optional.empty();
  }

  private static Optional<String> betweenRecords(String where, Object meant, Object written) {
    for (RecordComponent component : meant.getClass().getRecordComponents()) {
      Optional<String> difference =
          between(
              where + "." + component.getName(),
              value(component, meant),
              value(component, written));
      if (difference.isPresent()) {
        return difference;
      }
    }
    return Optional.of(text(where, meant, written));
  }

  private static String text(String where, Object meant, Object written) {
    return "%s is %s, and would become %s".formatted(where, shown(meant), shown(written));
  }

  private static String shown(Object value) {
    String text = value.toString();
    return text.length() <= MOST_SHOWN ? text : text.substring(0, MOST_SHOWN) + "...";
  }

  private static Object value(RecordComponent component, Object record) {
    try {
      return component.getAccessor().invoke(record);
    } catch (ReflectiveOperationException impossible) {
      throw new IllegalStateException(component + " cannot be read", impossible);
    }
  }
}
