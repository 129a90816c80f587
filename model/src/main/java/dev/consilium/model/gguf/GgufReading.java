package dev.consilium.model.gguf;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The keys of one architecture in the metadata of a file, the configuration that is made of them,
 * and notes of which were asked for and of which key a field came from.
 *
 * <p>Not thread-safe; lives as long as one file's specification is made.
 */
final class GgufReading {

  private static final int MAX_LIST_BYTES = 1 << 16;
  private static final int MAX_LAYERS = 4096;

  private final GgufModel model;
  private final GgufMetadata metadata;
  private final GgufArchitecture architecture;
  private final ObjectNode config = JsonNodeFactory.instance.objectNode();
  private final Set<GgufKey> asked = EnumSet.of(GgufKey.LAYOUT, GgufKey.SCALING_FINETUNED);
  private final Map<String, GgufKey> origins = new HashMap<>();

  GgufReading(GgufModel model, GgufArchitecture architecture) {
    this.model = model;
    this.metadata = model.metadata();
    this.architecture = architecture;
  }

  /** What has become of the keys so far. */
  ObjectNode config() {
    return config;
  }

  GgufArchitecture architecture() {
    return architecture;
  }

  /** Whether a key is there. */
  boolean has(GgufKey key) {
    asked.add(key);
    return metadata.has(name(key));
  }

  OptionalInt whole(GgufKey key) {
    asked.add(key);
    return metadata.whole(name(key), 0, Integer.MAX_VALUE);
  }

  OptionalDouble real(GgufKey key) {
    asked.add(key);
    return metadata.real(name(key));
  }

  Optional<Boolean> flag(GgufKey key) {
    asked.add(key);
    return metadata.flag(name(key));
  }

  Optional<String> text(GgufKey key) {
    asked.add(key);
    return metadata.text(name(key));
  }

  /** How many layers there are, but no more than any model has. */
  int layers() {
    return Math.min(MAX_LAYERS, whole(GgufKey.LAYERS).orElse(0));
  }

  /** How many of those predict tokens further ahead. */
  int predictionLayers() {
    return Math.min(layers(), whole(GgufKey.PREDICTION_LAYERS).orElse(0));
  }

  /** Whether a layer has a gate. */
  boolean hasExperts(int layer) {
    return tensor("blk.%d.ffn_gate_inp.weight".formatted(layer)).isPresent();
  }

  /** A number for each layer, whether the file has a list of them or one for all. */
  List<Integer> perLayer(GgufKey key, int layers) {
    asked.add(key);
    List<Integer> numbers = new ArrayList<>();
    if (!metadata.has(name(key))) {
      return numbers;
    }
    if (!(metadata.value(name(key)) instanceof GgufValue.Sequence)) {
      int all = whole(key).orElseThrow();
      return Collections.nCopies(layers, all);
    }
    for (int number : metadata.wholes(name(key), MAX_LIST_BYTES)) {
      numbers.add(number);
    }
    if (numbers.size() != layers) {
      throw unwanted(key, "%d numbers, one per layer".formatted(layers));
    }
    return numbers;
  }

  /** Whether a key is there, and of several values. */
  boolean isList(GgufKey key) {
    return has(key) && metadata.value(name(key)) instanceof GgufValue.Sequence;
  }

  /** Yes or no, several times. */
  List<Boolean> flags(GgufKey key) {
    asked.add(key);
    return metadata.flags(name(key), MAX_LIST_BYTES);
  }

  /** Puts a whole number, if it is there. */
  void whole(GgufKey key, String field) {
    whole(key, field, config);
  }

  /** Puts a whole number, if it is there. */
  void whole(GgufKey key, String field, ObjectNode into) {
    origins.put(field, key);
    whole(key).ifPresent(value -> into.put(field, value));
  }

  /** Puts a number, if it is there. */
  void real(GgufKey key, String field) {
    real(key, field, config);
  }

  /** Puts a number, if it is there. */
  void real(GgufKey key, String field, ObjectNode into) {
    origins.put(field, key);
    real(key).ifPresent(value -> into.put(field, value));
  }

  /** Puts what was made of a key. */
  void put(GgufKey key, String field, int value) {
    origins.put(field, key);
    config.put(field, value);
  }

  /** Notes which key a field of the configuration is about. */
  void origin(GgufKey key, String field) {
    origins.put(field, key);
  }

  /** Refuses a whole number that is there and another one. */
  void require(GgufKey key, int wanted, String why) {
    OptionalInt stated = whole(key);
    if (stated.isPresent() && stated.getAsInt() != wanted) {
      throw unwanted(key, wanted + why);
    }
  }

  /**
   * Whether there is a tensor.
   *
   * @param name whole, or without {@code blk.} and a layer if it is any layer's
   */
  boolean hasTensor(String name) {
    Pattern ofLayer = Pattern.compile("blk\\.\\d+\\." + Pattern.quote(name));
    return model.has(name)
        || model.files().stream()
            .flatMap(file -> file.tensors().keySet().stream())
            .anyMatch(tensor -> ofLayer.matcher(tensor).matches());
  }

  Optional<GgufTensor> tensor(String name) {
    return model.files().stream()
        .flatMap(file -> Optional.ofNullable(file.tensors().get(name)).stream())
        .findFirst();
  }

  /** A short vector that is part of the specification; empty if there is none of that name. */
  List<Float> vector(String name) {
    return model.vector(name);
  }

  /** Only the keys of the architecture say how to compute; others are for people and tools. */
  void refuseUnasked() {
    String prefix = architecture.key("");
    List<String> known = asked.stream().map(this::name).toList();
    for (String key : metadata.keys()) {
      if (key.startsWith(prefix) && !known.contains(key)) {
        throw metadata.wrong(
            "metadata key %s (%s) is not known; it may change the result, so the model is refused"
                .formatted(key, GgufMetadata.shown(metadata.value(key))));
      }
    }
  }

  /** An error about a key that is there. */
  GgufException unwanted(GgufKey key, String want) {
    return metadata.unwanted(name(key), want);
  }

  String name(GgufKey key) {
    return architecture.key(key.suffix());
  }

  /** A message about fields, with the keys that they came from. */
  String inKeys(String message) {
    String text = message;
    for (Map.Entry<String, GgufKey> origin : origins.entrySet()) {
      text = text.replaceAll("\\b" + origin.getKey() + "\\b", name(origin.getValue()));
    }
    return text;
  }
}
