package dev.consilium.model.chat.jinja;

import java.math.BigDecimal;
import java.util.List;
import java.util.Map;

/** Python's {@code str()} and {@code repr()}. */
final class PythonText {

  private final Run run;
  private final StringBuilder text = new StringBuilder();

  private PythonText(Run run) {
    this.run = run;
  }

  static String str(Run run, Value value) {
    return switch (value) {
      case Value.Text own -> own.value();
      case Value.Undefined _ -> "";
      default -> repr(run, value);
    };
  }

  static String repr(Run run, Value value) {
    PythonText writer = new PythonText(run);
    writer.write(value);
    return writer.text.toString();
  }

  private void write(Value value) {
    run.enter();
    int before = text.length();
    switch (value) {
      case Value.Undefined _ -> text.append("Undefined");
      case Value.None _ -> text.append("None");
      case Value.Bool bool -> text.append(bool.value() ? "True" : "False");
      case Value.Int number -> text.append(number.value());
      case Value.Real number -> text.append(real(number.value()));
      case Value.Text own -> quoted(own.value());
      case Value.Sequence sequence -> sequence(sequence);
      case Value.Mapping mapping -> mapping(mapping.entries());
      case Value.Namespace _ -> text.append("<Namespace>");
      case Value.Function function -> text.append("<function ").append(function.name()).append('>');
      case Value.Loop loop ->
          text.append("<LoopContext %d/%d>".formatted(loop.index() + 1, loop.items().size()));
    }
    account(value, before);
    run.leave();
  }

  /** Containers were accounted for by what is in them. */
  private void account(Value value, int before) {
    boolean container = value instanceof Value.Sequence || value instanceof Value.Mapping;
    run.allocateText(container ? 1 : text.length() - before);
    run.requireLength(text.length());
  }

  private void sequence(Value.Sequence sequence) {
    List<Value> items = sequence.items();
    text.append(sequence.isTuple() ? '(' : '[');
    for (int i = 0; i < items.size(); i++) {
      text.append(i == 0 ? "" : ", ");
      write(items.get(i));
    }
    text.append(sequence.isTuple() && items.size() == 1 ? "," : "");
    text.append(sequence.isTuple() ? ')' : ']');
  }

  private void mapping(Map<Value, Value> entries) {
    text.append('{');
    String separator = "";
    for (Map.Entry<Value, Value> entry : entries.entrySet()) {
      text.append(separator);
      write(entry.getKey());
      text.append(": ");
      write(entry.getValue());
      separator = ", ";
    }
    text.append('}');
  }

  private void quoted(String string) {
    char quote = string.indexOf('\'') >= 0 && string.indexOf('"') < 0 ? '"' : '\'';
    text.append(quote);
    string.codePoints().forEach(c -> character(c, quote));
    text.append(quote);
  }

  private void character(int c, char quote) {
    switch (c) {
      case '\n' -> text.append("\\n");
      case '\r' -> text.append("\\r");
      case '\t' -> text.append("\\t");
      case '\\' -> text.append("\\\\");
      default -> {
        if (c == quote) {
          text.append('\\').append(quote);
        } else if (isPrintable(c)) {
          text.appendCodePoint(c);
        } else {
          text.append((c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x").formatted(c));
        }
      }
    }
  }

  private static boolean isPrintable(int c) {
    return c == ' '
        || switch (Character.getType(c)) {
          case Character.CONTROL,
              Character.FORMAT,
              Character.SURROGATE,
              Character.PRIVATE_USE,
              Character.UNASSIGNED,
              Character.LINE_SEPARATOR,
              Character.PARAGRAPH_SEPARATOR,
              Character.SPACE_SEPARATOR ->
              false;
          default -> true;
        };
  }

  /** The shortest digits that give the number back; an exponent below -4 or from 16 on. */
  static String real(double number) {
    if (Double.isNaN(number)) {
      return "nan";
    }
    if (Double.isInfinite(number)) {
      return number > 0 ? "inf" : "-inf";
    }
    if (number == 0) {
      return 1 / number < 0 ? "-0.0" : "0.0";
    }
    BigDecimal shortest = new BigDecimal(Double.toString(number)).stripTrailingZeros();
    int exponent = shortest.precision() - shortest.scale() - 1;
    if (exponent >= -4 && exponent < 16) {
      String plain = shortest.toPlainString();
      return plain.indexOf('.') >= 0 ? plain : plain + ".0";
    }
    return scientific(shortest, exponent);
  }

  private static String scientific(BigDecimal shortest, int exponent) {
    String digits = shortest.unscaledValue().abs().toString();
    String fraction = digits.length() == 1 ? "" : "." + digits.substring(1);
    return (shortest.signum() < 0 ? "-" : "")
        + digits.charAt(0)
        + fraction
        + (exponent < 0 ? "e-" : "e+")
        + (Math.abs(exponent) < 10 ? "0" : "")
        + Math.abs(exponent);
  }
}
