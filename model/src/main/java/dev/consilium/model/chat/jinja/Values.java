package dev.consilium.model.chat.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Takes in values shaped like JSON, as new values that share nothing that can change with what they
 * were made of.
 */
final class Values {

  private Values() {}

  /**
   * The value of a map with string keys, list, string, boolean, number or null.
   *
   * @throws TemplateException if it is nested too deep
   * @throws IllegalArgumentException if it is, or holds, something else
   */
  static Value of(Run run, @Nullable Object json) {
    run.enter();
    Value value =
        switch (json) {
          case null -> Value.None.NONE;
          case Value own -> own;
          case String text -> new Value.Text(text);
          case Boolean bool -> Value.Bool.of(bool);
          case Number number -> number(number);
          case List<?> list -> list(run, list);
          case Map<?, ?> map -> map(run, map);
          default ->
              throw new IllegalArgumentException(
                  "a template's values are shaped like JSON, found a " + json.getClass().getName());
        };
    run.leave();
    return value;
  }

  private static Value number(Number number) {
    return switch (number) {
      case Integer _, Long _, Short _, Byte _ -> Value.Int.of(number.longValue());
      case BigInteger big -> bounded(big);
      case BigDecimal _, Double _, Float _ -> new Value.Real(number.doubleValue());
      default ->
          throw new IllegalArgumentException("unknown number type " + number.getClass().getName());
    };
  }

  /** As JavaScript would: what is too large to be printed in reasonable time becomes a float. */
  private static Value bounded(BigInteger number) {
    return number.bitLength() <= 4096
        ? new Value.Int(number)
        : new Value.Real(number.doubleValue());
  }

  private static Value list(Run run, List<?> list) {
    List<Value> items = new ArrayList<>(list.size());
    for (Object item : list) {
      items.add(of(run, item));
    }
    return Value.Sequence.list(items);
  }

  private static Value map(Run run, Map<?, ?> map) {
    Map<Value, Value> entries = new LinkedHashMap<>();
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      if (!(entry.getKey() instanceof String key)) {
        throw new IllegalArgumentException("the keys of a template's maps are strings");
      }
      entries.put(new Value.Text(key), of(run, entry.getValue()));
    }
    return new Value.Mapping(entries);
  }
}
