package dev.consilium.model.gguf;

import dev.consilium.model.family.WeightNames;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * One line of the table: what an architecture of GGUF files is among our families.
 *
 * @param name what {@code general.architecture} says, and what its keys begin with
 * @param modelType our family
 * @param condition what metadata of that architecture must say to be of that family
 * @param rotaryPairs in which order files hold the rows of query and key projections
 * @param names what files call the weights
 * @param axes what their metadata say
 */
record GgufArchitecture(
    String name,
    String modelType,
    Predicate<GgufMetadata> condition,
    RotaryPairs rotaryPairs,
    WeightNames names,
    List<GgufAxis> axes) {

  /** Which two values of a head turn together. */
  enum RotaryPairs {
    /** As in our family. */
    OURS,
    /**
     * {@code (2 i, 2 i + 1)} where our family has {@code (i, i + rotaryDim / 2)}: the rows of the
     * projections are in another order, which is undone when they are read.
     */
    NEIGHBOURS
  }

  GgufArchitecture {
    axes = List.copyOf(axes);
  }

  /** A line; what it does not say is as in most architectures. */
  static Builder architecture(String name, String modelType) {
    return new Builder(name, modelType);
  }

  /** The whole key, for example {@code qwen3moe.block_count}. */
  String key(String suffix) {
    return name + "." + suffix;
  }

  /** Not thread-safe. */
  static final class Builder {
    private final String name;
    private final String modelType;
    private final List<GgufAxis> axes = new ArrayList<>();
    private Predicate<GgufMetadata> condition = metadata -> true;
    private RotaryPairs rotaryPairs = RotaryPairs.OURS;
    private WeightNames names = GgufNames.ALL;

    private Builder(String name, String modelType) {
      this.name = name;
      this.modelType = modelType;
    }

    /** What the metadata must say. */
    Builder only(Predicate<GgufMetadata> value) {
      condition = value;
      return this;
    }

    /** The rows of queries and keys are those of neighbouring pairs. */
    Builder neighbours() {
      rotaryPairs = RotaryPairs.NEIGHBOURS;
      return this;
    }

    /** What files call the weights, if not as most do. */
    Builder names(WeightNames value) {
      names = value;
      return this;
    }

    Builder with(GgufAxis... more) {
      axes.addAll(List.of(more));
      return this;
    }

    GgufArchitecture build() {
      return new GgufArchitecture(name, modelType, condition, rotaryPairs, names, axes);
    }
  }
}
