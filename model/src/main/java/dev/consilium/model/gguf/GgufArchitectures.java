package dev.consilium.model.gguf;

import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.gguf.GgufArchitecture.ExpertSize;
import dev.consilium.model.gguf.GgufArchitecture.RotaryPairs;
import java.util.List;
import java.util.Optional;

/** The architectures that we know: one line each. */
public final class GgufArchitectures {

  private static final List<GgufArchitecture> TABLE =
      List.of(
          new GgufArchitecture(
              "llama", "mixtral", RotaryPairs.NEIGHBOURS, true, ExpertSize.FEED_FORWARD, false),
          new GgufArchitecture(
              "olmoe", "olmoe", RotaryPairs.HALVES, false, ExpertSize.FEED_FORWARD, false),
          new GgufArchitecture(
              "qwen2moe",
              "qwen2_moe",
              RotaryPairs.HALVES,
              false,
              ExpertSize.EXPERT_FEED_FORWARD,
              true),
          new GgufArchitecture(
              "qwen3moe",
              "qwen3_moe",
              RotaryPairs.HALVES,
              true,
              ExpertSize.EXPERT_FEED_FORWARD,
              false));

  private GgufArchitectures() {}

  /** Their names, sorted. */
  public static List<String> known() {
    return TABLE.stream().map(GgufArchitecture::name).sorted().toList();
  }

  /** The names of the architectures that files of a family have, sorted; empty if there is none. */
  public static List<String> ofFamily(String modelType) {
    return TABLE.stream()
        .filter(one -> one.modelType().equals(modelType))
        .map(GgufArchitecture::name)
        .sorted()
        .toList();
  }

  /** The architecture that a family is written as. */
  static Optional<GgufArchitecture> of(ModelSpec spec) {
    return TABLE.stream().filter(one -> one.modelType().equals(spec.family())).findFirst();
  }

  /** The architecture of a file, or an error that names it. */
  static GgufArchitecture of(GgufMetadata metadata) {
    String key = "general.architecture";
    String name =
        metadata
            .text(key)
            .orElseThrow(() ->
                metadata.wrong(
                    "has no metadata key %s; known architectures are %s"
                        .formatted(key, String.join(", ", known()))));
    return TABLE.stream()
        .filter(one -> one.name().equals(name))
        .findFirst()
        .orElseThrow(() -> metadata.unwanted(key, "one of " + String.join(", ", known())));
  }
}
