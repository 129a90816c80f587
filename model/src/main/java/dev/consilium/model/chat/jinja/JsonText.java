package dev.consilium.model.chat.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * {@code tojson} as chat templates know it: Python's {@code json.dumps} without HTML escapes and
 * with non-ASCII characters kept.
 */
final class JsonText {

  /**
   * How JSON is laid out.
   *
   * @param indent what one level adds to a line's beginning; with none everything is on one line
   */
  record Layout(
      Optional<String> indent,
      String itemSeparator,
      String keySeparator,
      boolean sortKeys,
      boolean asciiOnly) {}

  private final Run run;
  private final Layout layout;
  private final StringBuilder text = new StringBuilder();
  private int level;

  private JsonText(Run run, Layout layout) {
    this.run = run;
    this.layout = layout;
  }

  static String write(Run run, Value value, Layout layout) {
    JsonText writer = new JsonText(run, layout);
    writer.value(value);
    return writer.text.toString();
  }

  private void value(Value value) {
    run.enter();
    int before = text.length();
    switch (value) {
      case Value.None _ -> text.append("null");
      case Value.Bool bool -> text.append(bool.value());
      case Value.Int number -> text.append(number.value());
      case Value.Real number -> text.append(real(number.value()));
      case Value.Text own -> string(own.value());
      case Value.Sequence sequence -> sequence(sequence.items());
      case Value.Mapping mapping -> mapping(mapping.entries());
      case Value.Undefined undefined ->
          throw run.error("tojson of something undefined: " + undefined.problem());
      case Value.Namespace _, Value.Function _, Value.Loop _ ->
          throw run.error("a " + Operators.typeName(value) + " cannot be written as JSON");
    }
    boolean container = value instanceof Value.Sequence || value instanceof Value.Mapping;
    run.allocateText(container ? 1 : text.length() - before);
    run.requireLength(text.length());
    run.leave();
  }

  private static String real(double number) {
    if (Double.isNaN(number)) {
      return "NaN";
    }
    return Double.isInfinite(number)
        ? (number > 0 ? "Infinity" : "-Infinity")
        : PythonText.real(number);
  }

  private void sequence(List<Value> items) {
    List<Runnable> writers = new ArrayList<>();
    for (Value item : items) {
      writers.add(() -> value(item));
    }
    container('[', ']', writers);
  }

  private void mapping(Map<Value, Value> entries) {
    List<Map.Entry<Value, Value>> ordered = new ArrayList<>(entries.entrySet());
    if (layout.sortKeys()) {
      ordered.sort((a, b) -> Operators.order(run, a.getKey(), b.getKey()));
    }
    List<Runnable> writers = new ArrayList<>();
    for (Map.Entry<Value, Value> entry : ordered) {
      writers.add(() -> entry(entry.getKey(), entry.getValue()));
    }
    container('{', '}', writers);
  }

  private void entry(Value key, Value value) {
    switch (key) {
      case Value.Text own -> string(own.value());
      case Value.None _ -> string("null");
      case Value.Int number -> string(number.value().toString());
      case Value.Real number -> string(real(number.value()));
      default -> throw run.error("a " + Operators.typeName(key) + " cannot be a key in JSON");
    }
    text.append(layout.keySeparator());
    value(value);
  }

  private void container(char open, char close, List<Runnable> writers) {
    text.append(open);
    level++;
    for (int i = 0; i < writers.size(); i++) {
      text.append(i == 0 ? "" : layout.itemSeparator());
      newLine();
      writers.get(i).run();
    }
    level--;
    if (!writers.isEmpty()) {
      newLine();
    }
    text.append(close);
  }

  private void newLine() {
    if (layout.indent().isPresent()) {
      String indent = layout.indent().get();
      run.allocateText((long) indent.length() * level);
      text.append('\n').append(indent.repeat(level));
    }
  }

  private void string(String value) {
    text.append('"');
    for (int i = 0; i < value.length(); i++) {
      character(value.charAt(i));
    }
    text.append('"');
  }

  private void character(char c) {
    switch (c) {
      case '"' -> text.append("\\\"");
      case '\\' -> text.append("\\\\");
      case '\n' -> text.append("\\n");
      case '\r' -> text.append("\\r");
      case '\t' -> text.append("\\t");
      case '\f' -> text.append("\\f");
      case '\b' -> text.append("\\b");
      default -> {
        if (c < 0x20 || (layout.asciiOnly() && c > 0x7e)) {
          text.append("\\u%04x".formatted((int) c));
        } else {
          text.append(c);
        }
      }
    }
  }
}
