package dev.consilium.model.family;

import java.util.EnumMap;
import java.util.Map;

/**
 * Names of a recurrent layer's weights: every part has one whether or not the layer has that
 * weight, which {@link RecurrentAttention} says.
 *
 * @param module what stands before the name of every part
 * @param own parts that this family calls otherwise than {@link Part} does
 */
public record RecurrentNames(String module, Map<Part, String> own) {

  /** A weight, and what most call it. Biases of matrices are called as {@link WeightNames#bias}. */
  public enum Part {
    /** The projection {@code [outputs, hiddenSize]}; of a {@link GatedDeltaNet} without scalars. */
    INPUT("in_proj.weight"),
    /**
     * The projection of the scalars of a {@link GatedDeltaNet}, {@code [2 * heads, hiddenSize]}.
     */
    SCALARS("in_proj_ba.weight"),
    /** {@code [channels, 1, taps]}. */
    CONVOLUTION("conv1d.weight"),
    /** What a {@link Mamba1} makes time steps, B and C of, {@code [selectionWidth, channels]}. */
    SELECTION("x_proj.weight"),
    /** {@code [rank]} of a {@link Mamba1}. */
    TIME_STEP_NORM("dt_layernorm.weight"),
    /** Of a {@link Mamba1}'s B, {@code [stateSize]}. */
    KEY_NORM("b_layernorm.weight"),
    /** Of a {@link Mamba1}'s C, {@code [stateSize]}. */
    QUERY_NORM("c_layernorm.weight"),
    /** {@code [channels, rank]} of a {@link Mamba1}, with a bias. */
    TIME_STEP("dt_proj.weight"),
    /** {@code [heads]}. */
    TIME_STEP_BIAS("dt_bias"),
    /** Logarithms of rates, {@code [heads]}; of a {@link Mamba1} {@code [channels, stateSize]}. */
    DECAY("A_log"),
    /** What a value adds to the result directly, {@code [heads]} or {@code [channels]}. */
    SKIP("D"),
    /**
     * Of the result: {@code [valueDim]} of a {@link GatedDeltaNet}, {@code [valueWidth]} of a
     * {@link Mamba2}.
     */
    NORM("norm.weight"),
    /** {@code [hiddenSize, valueWidth]}. */
    OUTPUT("out_proj.weight");

    private final String usual;

    Part(String usual) {
      this.usual = usual;
    }
  }

  public RecurrentNames {
    own = Map.copyOf(own);
  }

  /** With the usual names. */
  public RecurrentNames(String module) {
    this(module, Map.of());
  }

  /** The same but for one part. */
  public RecurrentNames with(Part part, String name) {
    Map<Part, String> changed = new EnumMap<>(Part.class);
    changed.putAll(own);
    changed.put(part, name);
    return new RecurrentNames(module, changed);
  }

  /** The name of a weight. */
  public String of(Part part) {
    return module + own.getOrDefault(part, part.usual);
  }

  RecurrentNames forLayer(int layer) {
    return new RecurrentNames(WeightNames.fill(module, "{layer}", layer), own);
  }
}
