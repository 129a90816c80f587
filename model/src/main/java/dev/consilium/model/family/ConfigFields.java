package dev.consilium.model.family;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The fields of one JSON object of a configuration, read with checks, and a note of which were
 * read: a field that nobody read might change the result, so {@link #refuseUnread} refuses it by
 * name. JSON {@code null} counts as absent.
 *
 * <p>Not thread-safe; lives as long as one configuration is read.
 */
final class ConfigFields {

  /** Longest list that a configuration may hold. */
  private static final int MAX_LIST = 65_536;

  private static final int MAX_SHOWN = 80;

  /** Most unknown fields that a message names. */
  private static final int MAX_NAMED = 12;

  private final String path;
  private final JsonNode object;
  private final Map<String, String> ownNames;
  private final Set<String> read = new HashSet<>();

  /**
   * @param path what stands before a field's name in messages: empty, or for example {@code
   *     "rope_scaling."}
   */
  ConfigFields(String path, JsonNode object) {
    this(path, object, Map.of());
  }

  private ConfigFields(String path, JsonNode object, Map<String, String> ownNames) {
    if (!object.isObject()) {
      String what = path.isEmpty() ? "the configuration" : path.substring(0, path.length() - 1);
      throw new ConfigException(what + " is " + shown(object) + ", want a JSON object");
    }
    this.path = path;
    this.object = object;
    this.ownNames = ownNames;
  }

  /**
   * The same fields, asked for by the names that most families give them.
   *
   * @param sections objects whose fields count as this one's, by names such as {@code
   *     "section.field"}
   * @param names what they are called here, by usual name
   */
  ConfigFields named(Collection<String> sections, Map<String, String> names) {
    ObjectNode flat = object.deepCopy();
    for (String section : sections) {
      JsonNode fields = flat.remove(section);
      if (fields == null || fields.isNull()) {
        continue;
      }
      if (!fields.isObject()) {
        throw wrong(section, "an object");
      }
      for (Map.Entry<String, JsonNode> field : fields.properties()) {
        String name = section + "." + field.getKey();
        if (flat.has(name)) {
          throw wrong(name, "none beside " + section + ", which says it, too");
        }
        flat.set(name, field.getValue());
      }
    }
    ConfigFields named = new ConfigFields(path, flat, names);
    named.read.addAll(read);
    return named;
  }

  boolean has(String field) {
    return object.hasNonNull(own(field));
  }

  /** Whether a field is there and null, where that means something else than its absence. */
  boolean isNull(String field) {
    read.add(own(field));
    return object.path(own(field)).isNull();
  }

  /** Whether a field is this text. */
  boolean is(String field, String text) {
    return object.path(own(field)).isTextual() && text.equals(optionalText(field).orElse(""));
  }

  int integer(String field, int least, int most) {
    return optionalInteger(field, least, most).orElseThrow(() -> missing(field));
  }

  /** An integer that may be written once for each layer, always the same. */
  int sameInteger(String field, int least, int most) {
    List<Integer> all = integers(field, least, most);
    if (all.isEmpty()) {
      throw missing(field);
    }
    if (Set.copyOf(all).size() > 1) {
      throw wrong(field, "the same number for all layers");
    }
    return all.getFirst();
  }

  OptionalInt optionalInteger(String field, int least, int most) {
    Optional<JsonNode> value = take(field);
    return value.isEmpty()
        ? OptionalInt.empty()
        : OptionalInt.of(asInteger(field, value.get(), least, most));
  }

  OptionalDouble optionalNumber(String field) {
    Optional<JsonNode> value = take(field);
    if (value.isEmpty()) {
      return OptionalDouble.empty();
    }
    if (!value.get().isNumber() || !Double.isFinite(value.get().doubleValue())) {
      throw wrong(field, "a finite number");
    }
    return OptionalDouble.of(value.get().doubleValue());
  }

  boolean flag(String field, boolean absent) {
    Optional<JsonNode> value = take(field);
    if (value.isPresent() && !value.get().isBoolean()) {
      throw wrong(field, "true or false");
    }
    return value.map(JsonNode::booleanValue).orElse(absent);
  }

  Optional<String> optionalText(String field) {
    Optional<JsonNode> value = take(field);
    if (value.isPresent() && !value.get().isTextual()) {
      throw wrong(field, "a text");
    }
    return value.map(JsonNode::textValue);
  }

  /** A list of texts; empty when absent. */
  List<String> texts(String field) {
    List<String> texts = new ArrayList<>();
    for (JsonNode element : elements(field)) {
      if (!element.isTextual()) {
        throw wrong(field, "a list of texts");
      }
      texts.add(element.textValue());
    }
    return texts;
  }

  /**
   * A list with one of two texts for each layer; empty when absent.
   *
   * @param layers how many
   */
  List<String> layerKinds(String field, int layers, String one, String other) {
    List<String> kinds = texts(field);
    if (!kinds.isEmpty() && kinds.size() != layers) {
      throw wrong(field, layers + " entries, one per layer");
    }
    if (!Set.of(one, other).containsAll(kinds)) {
      throw wrong(field, "only " + one + " and " + other);
    }
    return kinds;
  }

  /** A list of integers, or one integer alone; empty when absent. */
  List<Integer> integers(String field, int least, int most) {
    Optional<JsonNode> value = take(field);
    if (value.isPresent() && !value.get().isArray()) {
      return List.of(asInteger(field, value.get(), least, most));
    }
    List<Integer> integers = new ArrayList<>();
    for (JsonNode element : elements(field)) {
      integers.add(asInteger(field, element, least, most));
    }
    return integers;
  }

  /** A list of finite numbers; empty when absent. */
  List<Double> numbers(String field) {
    List<Double> numbers = new ArrayList<>();
    for (JsonNode element : elements(field)) {
      if (!element.isNumber() || !Double.isFinite(element.doubleValue())) {
        throw wrong(field, "a list of finite numbers");
      }
      numbers.add(element.doubleValue());
    }
    return numbers;
  }

  /** A least and a most number, not negative, of which the second may be infinite; or empty. */
  List<Double> bounds(String field) {
    List<Double> bounds = new ArrayList<>();
    for (JsonNode element : elements(field)) {
      if (!element.isNumber()) {
        throw wrong(field, "two numbers");
      }
      bounds.add(element.doubleValue());
    }
    boolean ordered =
        bounds.size() == 2
            && Double.isFinite(bounds.getFirst())
            && bounds.getFirst() >= 0
            && bounds.getLast() >= bounds.getFirst();
    if (!bounds.isEmpty() && !ordered) {
      throw wrong(field, "two numbers from 0, ascending");
    }
    return bounds;
  }

  Optional<ConfigFields> object(String field) {
    return take(field).map(value -> new ConfigFields(path + own(field) + ".", value));
  }

  /** Notes fields that change no result. */
  void ignore(Set<String> fields) {
    fields.forEach(field -> read.add(own(field)));
  }

  /**
   * Accepts a field that we do not implement, as long as its value says that the feature is not
   * used; one in a list says so if each entry does.
   */
  void neutral(String field, Set<String> neutralJson) {
    Optional<JsonNode> value = take(field);
    if (value.isPresent() && !allIn(neutralJson, value.get())) {
      throw new ConfigException(
          "%s%s is %s, which is not supported; supported is %s"
              .formatted(
                  path,
                  own(field),
                  shown(value.get()),
                  neutralJson.isEmpty() ? "null" : String.join(" or ", neutralJson)));
    }
  }

  /** Whether a value, or each entry of a list that has some, is one of these. */
  private static boolean allIn(Set<String> json, JsonNode value) {
    if (!value.isArray() || value.isEmpty() || json.contains(value.toString())) {
      return json.contains(value.toString());
    }
    for (JsonNode entry : value) {
      if (!json.contains(entry.toString())) {
        return false;
      }
    }
    return true;
  }

  /** Refuses fields that nobody read or ignored; the message names them. */
  void refuseUnread() {
    List<String> unread = new ArrayList<>();
    object
        .fieldNames()
        .forEachRemaining(field -> {
          if (!read.contains(field)) {
            unread.add("%s%s (%s)".formatted(path, shorten(field), shown(object.get(field))));
          }
        });
    if (unread.size() == 1) {
      throw new ConfigException(
          "field %s is not known; it may change the result, so the model is refused"
              .formatted(unread.getFirst()));
    }
    if (!unread.isEmpty()) {
      int more = unread.size() - MAX_NAMED;
      throw new ConfigException(
          "fields %s%s are not known; they may change the result, so the model is refused"
              .formatted(
                  String.join(", ", unread.subList(0, Math.min(MAX_NAMED, unread.size()))),
                  more > 0 ? " and " + more + " more" : ""));
    }
  }

  ConfigException wrong(String field, String want) {
    return new ConfigException(
        "%s%s is %s, want %s".formatted(path, own(field), shown(object.path(own(field))), want));
  }

  private ConfigException missing(String field) {
    return new ConfigException("field %s%s is missing".formatted(path, own(field)));
  }

  private Optional<JsonNode> take(String field) {
    read.add(own(field));
    return has(field) ? Optional.of(object.get(own(field))) : Optional.empty();
  }

  private String own(String field) {
    return ownNames.getOrDefault(field, field);
  }

  private Iterable<JsonNode> elements(String field) {
    Optional<JsonNode> value = take(field);
    if (value.isEmpty()) {
      return List.of();
    }
    if (!value.get().isArray() || value.get().size() > MAX_LIST) {
      throw wrong(field, "a list of at most " + MAX_LIST + " entries");
    }
    return value.get();
  }

  private int asInteger(String field, JsonNode value, int least, int most) {
    if (!value.isIntegralNumber()
        || !value.canConvertToInt()
        || value.intValue() < least
        || value.intValue() > most) {
      throw wrong(field, "an integer from " + least + " to " + most);
    }
    return value.intValue();
  }

  private static String shown(JsonNode value) {
    return shorten(value.isMissingNode() ? "absent" : value.toString());
  }

  private static String shorten(String text) {
    return text.length() <= MAX_SHOWN ? text : text.substring(0, MAX_SHOWN) + "...";
  }
}
