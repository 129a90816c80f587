package dev.consilium.gateway.openai;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.gateway.generation.Fault;
import dev.consilium.gateway.generation.RequestException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;

/**
 * The fields of one JSON object, taken one by one with their type and range checked; {@link
 * #refuseOthers} then names the first that nobody took. A field that is null counts as absent, as
 * clients send it for "unset".
 */
final class Fields {
  private final String path;
  private final ObjectNode object;
  private final Set<String> taken = new HashSet<>();

  private Fields(String path, ObjectNode object) {
    this.path = path;
    this.object = object;
  }

  /** Of the body itself. */
  static Fields of(byte[] body) {
    return new Fields("", JsonBody.parse(body));
  }

  /** Of an object somewhere in the body. */
  static Fields of(String path, JsonNode node) {
    if (node instanceof ObjectNode object) {
      return new Fields(path, object);
    }
    throw wrongType(path, "an object", node);
  }

  /** Where a field is, for messages. */
  String path(String name) {
    return path.isEmpty() ? name : path + "." + name;
  }

  Optional<JsonNode> node(String name) {
    taken.add(name);
    JsonNode node = object.get(name);
    return node == null || node.isNull() ? Optional.empty() : Optional.of(node);
  }

  JsonNode required(String name) {
    return node(name).orElseThrow(() -> missing(path(name)));
  }

  Optional<String> text(String name) {
    return node(name).map(node -> text(path(name), node));
  }

  boolean flag(String name) {
    return node(name).map(node -> flag(path(name), node)).orElse(false);
  }

  OptionalInt integer(String name, int least, int most) {
    Optional<JsonNode> node = node(name);
    return node.isEmpty()
        ? OptionalInt.empty()
        : OptionalInt.of(integer(path(name), node.get(), least, most));
  }

  /** Any 64-bit integer. */
  OptionalLong seed(String name) {
    Optional<JsonNode> node = node(name);
    if (node.isEmpty()) {
      return OptionalLong.empty();
    }
    if (!node.get().isIntegralNumber()) {
      throw wrongType(path(name), "an integer", node.get());
    }
    if (!node.get().canConvertToLong()) {
      throw outOfRange(path(name), "a 64-bit integer", node.get());
    }
    return OptionalLong.of(node.get().longValue());
  }

  OptionalDouble number(String name, double least, double most) {
    Optional<JsonNode> node = node(name);
    return node.isEmpty()
        ? OptionalDouble.empty()
        : OptionalDouble.of(number(path(name), node.get(), least, most));
  }

  /** As {@link #number}, without {@code least} itself. */
  OptionalDouble numberAbove(String name, double least, double most) {
    OptionalDouble value = number(name, least, most);
    // As a float, since that is what a router is told.
    if (value.isPresent() && (float) value.getAsDouble() <= least) {
      throw outOfRange(
          path(name),
          "above %s and at most %s".formatted(plain(least), plain(most)),
          required(name));
    }
    return value;
  }

  Optional<List<JsonNode>> list(String name, int most) {
    return node(name).map(node -> list(path(name), node, most));
  }

  /** These may hold anything: they do not bear on the answer. */
  void ignore(String... names) {
    taken.addAll(List.of(names));
  }

  /** A field that may only say what we do anyway. */
  void refuseUnless(String name, Predicate<JsonNode> harmless) {
    Optional<JsonNode> node = node(name);
    if (node.isPresent() && !harmless.test(node.get())) {
      throw Fault.invalid(
              path(name),
              "unsupported_parameter",
              "'%s' is not supported here with this value: leave it out".formatted(path(name)))
          .exception();
    }
  }

  /** Refuses the first field that was not asked for. */
  void refuseOthers() {
    object
        .fieldNames()
        .forEachRemaining(name -> {
          if (!taken.contains(name)) {
            throw Fault.invalid(
                    path(name),
                    "unknown_parameter",
                    "unrecognised request argument '%s'".formatted(path(name)))
                .exception();
          }
        });
  }

  static String text(String path, JsonNode node) {
    if (!node.isTextual()) {
      throw wrongType(path, "a string", node);
    }
    String text = node.textValue();
    if (hasLoneSurrogate(text)) {
      throw Fault.invalid(
              path,
              "invalid_value",
              "'%s' has half of a surrogate pair, which is no character".formatted(path))
          .exception();
    }
    return text;
  }

  static boolean flag(String path, JsonNode node) {
    if (!node.isBoolean()) {
      throw wrongType(path, "a boolean", node);
    }
    return node.booleanValue();
  }

  static int integer(String path, JsonNode node, int least, int most) {
    if (!node.isIntegralNumber()) {
      throw wrongType(path, "an integer", node);
    }
    if (!node.canConvertToInt() || node.intValue() < least || node.intValue() > most) {
      String range =
          most == Integer.MAX_VALUE ? "at least " + least : "%d to %d".formatted(least, most);
      throw outOfRange(path, range, node);
    }
    return node.intValue();
  }

  static double number(String path, JsonNode node, double least, double most) {
    if (!node.isNumber()) {
      throw wrongType(path, "a number", node);
    }
    double value = node.doubleValue();
    if (!(value >= least && value <= most)) {
      throw outOfRange(path, "%s to %s".formatted(plain(least), plain(most)), node);
    }
    return value;
  }

  static List<JsonNode> list(String path, JsonNode node, int most) {
    if (!(node instanceof ArrayNode array)) {
      throw wrongType(path, "an array", node);
    }
    if (array.size() > most) {
      throw Fault.invalid(
              path,
              "array_above_max_length",
              "'%s' has %d entries; at most %d are allowed".formatted(path, array.size(), most))
          .exception();
    }
    List<JsonNode> entries = new ArrayList<>(array.size());
    array.forEach(entries::add);
    return entries;
  }

  static RequestException missing(String path) {
    return Fault.invalid(
            path, "missing_required_parameter", "missing required parameter '%s'".formatted(path))
        .exception();
  }

  static RequestException wrongType(String path, String expected, JsonNode found) {
    return Fault.invalid(
            path,
            "invalid_type",
            "'%s' must be %s; found %s".formatted(path, expected, typeName(found)))
        .exception();
  }

  static RequestException outOfRange(String path, String range, JsonNode found) {
    return Fault.invalid(
            path, "out_of_range", "'%s' must be %s; found %s".formatted(path, range, brief(found)))
        .exception();
  }

  static RequestException invalid(String path, String message) {
    return Fault.invalid(path, "invalid_value", message).exception();
  }

  static String typeName(JsonNode node) {
    return switch (node.getNodeType()) {
      case ARRAY -> "an array";
      case OBJECT, POJO -> "an object";
      case STRING, BINARY -> "a string";
      case BOOLEAN -> "a boolean";
      case NUMBER -> node.isIntegralNumber() ? "an integer" : "a number";
      case NULL -> "null";
      case MISSING -> "nothing";
    };
  }

  private static String plain(double value) {
    return value == Double.MAX_VALUE || value == Float.MAX_VALUE
        ? "any size"
        : BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
  }

  /** A number as the client wrote it; numbers are short, since their length has a limit. */
  private static String brief(JsonNode number) {
    return number.asText();
  }

  private static boolean hasLoneSurrogate(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isHighSurrogate(c)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(c)) {
        return true;
      }
    }
    return false;
  }
}
