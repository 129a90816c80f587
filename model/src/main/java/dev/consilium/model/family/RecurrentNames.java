package dev.consilium.model.family;

import java.util.EnumMap;
import java.util.Map;

/**
 * Names of a recurrent layer's weights: every part has one whether or not the layer has that
 * weight, which {@link RecurrentAttention} says.
 *
 * @param module what stands before the name of every part
 * @param arrangement of the projections of a {@link GatedDeltaNet}
 * @param own parts that this family calls otherwise than {@link Part} does
 */
public record RecurrentNames(String module, Arrangement arrangement, Map<Part, String> own) {

  /** Which projections of a {@link GatedDeltaNet} are made of one part for each key head. */
  public enum Arrangement {
    /** None: queries, keys and values are one, gates and both scalars one each. */
    APART,
    /** Both: {@link Part#BY_KEY_HEAD} and {@link Part#SCALARS_BY_KEY_HEAD}. */
    BY_KEY_HEAD,
    /** {@link Part#SCALARS_BY_KEY_HEAD}; queries, keys and values are one, and gates. */
    SCALARS_BY_KEY_HEAD
  }

  /** A weight, and what most call it. Biases of matrices are called as {@link WeightNames#bias}. */
  public enum Part {
    /** The projection {@code [outputs, hiddenSize]}. */
    INPUT("in_proj.weight"),
    /** Queries, keys, values and gates of a {@link GatedDeltaNet}, one key head after the other. */
    BY_KEY_HEAD("in_proj_qkvz.weight"),
    /** Scalars of the same, {@code [2 * heads, hiddenSize]}. */
    SCALARS_BY_KEY_HEAD("in_proj_ba.weight"),
    /** Queries, keys and values in one tensor. */
    QUERY_KEY_VALUE("in_proj_qkv.weight"),
    /** {@code [keyWidth, hiddenSize]}. */
    QUERY("q_proj.weight"),
    KEY("k_proj.weight"),
    VALUE("v_proj.weight"),
    /** The output gate, {@code [valueWidth, hiddenSize]}. */
    GATE("in_proj_z.weight"),
    /** What strengths are made of, {@code [heads, hiddenSize]}. */
    STRENGTH("in_proj_b.weight"),
    /** What time steps are made of, {@code [heads, hiddenSize]}. */
    STEP("in_proj_a.weight"),
    /** From the token to what decays are made of, {@code [rank, hiddenSize]}. */
    DECAY_DOWN("f_a_proj.weight"),
    /** {@code [keyWidth, rank]}. */
    DECAY_UP("f_b_proj.weight"),
    /** From the token to what output gates are made of, {@code [rank, hiddenSize]}. */
    GATE_DOWN("g_a_proj.weight"),
    /** {@code [valueWidth, rank]}. */
    GATE_UP("g_b_proj.weight"),
    /** {@code [channels, 1, taps]}. */
    CONVOLUTION("conv1d.weight"),
    /** Where queries, keys and values are apart, {@code [keyWidth, 1, taps]}. */
    QUERY_CONVOLUTION("q_conv1d.weight"),
    KEY_CONVOLUTION("k_conv1d.weight"),
    VALUE_CONVOLUTION("v_conv1d.weight"),
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
    /** {@code [heads]}; of a {@link ChannelDeltaNet} {@code [keyWidth]}. */
    TIME_STEP_BIAS("dt_bias"),
    /** Logarithms of rates, {@code [heads]}; of a {@link Mamba1} {@code [channels, stateSize]}. */
    DECAY("A_log"),
    /** What a value adds to the result directly, {@code [heads]} or {@code [channels]}. */
    SKIP("D"),
    /**
     * Of the result, {@code [valueDim]}; {@code [valueWidth]} of Mamba2 and lightning attention.
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
    this(module, Arrangement.APART, Map.of());
  }

  /** The same for projections that are arranged otherwise. */
  public RecurrentNames arranged(Arrangement other) {
    return new RecurrentNames(module, other, own);
  }

  /** The same but for one part. */
  public RecurrentNames with(Part part, String name) {
    Map<Part, String> changed = new EnumMap<>(Part.class);
    changed.putAll(own);
    changed.put(part, name);
    return new RecurrentNames(module, arrangement, changed);
  }

  /** The name of a weight. */
  public String of(Part part) {
    return module + own.getOrDefault(part, part.usual);
  }

  RecurrentNames forLayer(int layer) {
    return new RecurrentNames(WeightNames.ofLayer(module, layer), arrangement, own);
  }
}
