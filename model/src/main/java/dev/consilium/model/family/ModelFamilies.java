package dev.consilium.model.family;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Collection;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The families that we know, and the way from a configuration to a specification. */
public final class ModelFamilies {

  private static final SortedMap<String, ModelFamily> BY_TYPE = new TreeMap<>();

  static {
    Stream.of(GroupedQueryFamilies.ALL, LatentFamilies.ALL, RecurrentFamilies.ALL)
        .flatMap(List::stream)
        .forEach(family -> BY_TYPE.put(family.modelType(), family));
  }

  private ModelFamilies() {}

  /** The {@code model_type}s that we know, sorted. */
  public static List<String> known() {
    return List.copyOf(BY_TYPE.keySet());
  }

  /** All declarations, by {@code model_type}. */
  static Collection<ModelFamily> declarations() {
    return List.copyOf(BY_TYPE.values());
  }

  /**
   * The specification that a configuration stands for.
   *
   * @param config the content of a {@code config.json}
   * @throws ConfigException if the family is unknown, or a field is missing, wrong, contradicts
   *     another or is not known
   */
  public static ModelSpec specify(JsonNode config) {
    ConfigFields fields = new ConfigFields("", config);
    return SpecReader.read(family(fields), fields);
  }

  /**
   * The same for a configuration that calls fields as most families do, whatever its own does, and
   * has all of them outside.
   */
  public static ModelSpec specifyByUsualNames(JsonNode config) {
    ConfigFields fields = new ConfigFields("", config);
    return SpecReader.readUsual(family(fields), fields);
  }

  private static ModelFamily family(ConfigFields fields) {
    String type =
        fields
            .optionalText("model_type")
            .orElseThrow(
                () -> new ConfigException("field model_type is missing; known are " + knownText()));
    ModelFamily family = BY_TYPE.get(type);
    if (family == null) {
      throw new ConfigException(
          "model family %s is not supported; known are %s".formatted(type, knownText()));
    }
    return family;
  }

  private static String knownText() {
    return String.join(", ", BY_TYPE.keySet());
  }
}
