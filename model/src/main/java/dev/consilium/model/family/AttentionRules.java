package dev.consilium.model.family;

import java.util.OptionalInt;

/**
 * How a family's attention follows from a configuration.
 *
 * @param rotary how positions enter
 * @param qkNorm the norm on queries and keys
 * @param biases which projections have biases
 * @param keys which keys the tokens of which layers see
 * @param scores how products of queries and keys become weights
 * @param headDim {@code head_dim} when absent; empty: the hidden size divided by the heads
 * @param hybrid what models with recurrent layers have beside
 */
record AttentionRules(
    Rotary rotary,
    Norm qkNorm,
    Biases biases,
    Keys keys,
    Scores scores,
    OptionalInt headDim,
    Hybrid hybrid)
    implements MixingRules {

  /** As most families are. */
  AttentionRules(Rotary rotary, Norm qkNorm, Biases biases, Keys keys) {
    this(rotary, qkNorm, biases, keys, Scores.PLAIN, OptionalInt.empty());
  }

  /** Without recurrent layers. */
  AttentionRules(
      Rotary rotary, Norm qkNorm, Biases biases, Keys keys, Scores scores, OptionalInt headDim) {
    this(rotary, qkNorm, biases, keys, scores, headDim, Hybrid.NONE);
  }

  /**
   * How positions enter.
   *
   * @param theta {@code rope_theta} when absent
   * @param part {@code partial_rotary_factor} when absent
   * @param pairing which values are turned together
   * @param layers which layers know positions
   */
  record Rotary(double theta, double part, RotaryPairing pairing, Turned layers) {
    Rotary(double theta) {
      this(theta, 1, RotaryPairing.HALVES, Turned.ALL);
    }
  }

  /** Which layers know positions. */
  enum Turned {
    ALL,
    /**
     * Those where {@code no_rope_layers} says 1; absent: all but every {@code
     * no_rope_layer_interval}-th.
     */
    LISTED,
    /** All if {@code position_embedding_type} says {@code rope}, else none. */
    ALL_IF_NAMED
  }

  /**
   * The norm on queries and keys.
   *
   * @param used whether a model of the family has it
   */
  record Norm(QkNorm kind, Flag used) {
    static final Norm NONE = new Norm(QkNorm.NONE, Flag.NEVER);

    Norm(QkNorm kind) {
      this(kind, Flag.ALWAYS);
    }
  }

  /**
   * Which attention projections have biases.
   *
   * @param inputs whether query, key and value have
   * @param output whether the output projection has, too
   */
  record Biases(Flag inputs, boolean output) {
    static final Biases NONE = new Biases(Flag.NEVER, false);
  }

  /** Which keys a token sees. */
  enum Keys {
    ALL,
    /** The last {@code sliding_window} in all layers, if that is there. */
    WINDOW,
    /** The last {@code sliding_window} in all layers, if {@code use_sliding_window}. */
    WINDOW_IF_ENABLED,
    /** Those in the layers that {@code layer_types} names, if {@code use_sliding_window}. */
    LISTED_WINDOW_IF_ENABLED,
    /**
     * Those in the layers that {@code layer_types} names; absent: in the first and every second
     * after it.
     */
    LISTED_WINDOW,
    /**
     * Those of its own {@code attention_chunk_size} positions in the layers that {@code
     * layer_types} names; absent: in the layers that know positions.
     */
    LISTED_CHUNKS
  }

  /**
   * What models with recurrent layers have beside.
   *
   * @param recurrence which layers are recurrent, and what they are
   * @param outputGate whether the other layers have an output gate
   */
  record Hybrid(Recurrence recurrence, boolean outputGate) {
    static final Hybrid NONE = new Hybrid(Recurrence.NONE, false);
  }

  /** Which layers are recurrent, and what they are. */
  enum Recurrence {
    NONE,
    /**
     * Gated delta nets where {@code layer_types} says {@code linear_attention}; absent: in all but
     * every {@code full_attention_interval}-th (absent: 4) layer.
     */
    DELTA_NET,
    /** Mamba2 where {@code layer_types} says {@code mamba}; absent: in all layers. */
    MAMBA2
  }

  /**
   * How products of queries and keys become weights.
   *
   * @param scaleField the field with what they are multiplied by, 1 when absent; empty: {@code 1 /
   *     sqrt(headDim)}
   * @param sinks whether heads have learned sinks
   * @param temperature whether layers that know no positions are tuned, if {@code
   *     attn_temperature_tuning} (absent: yes)
   */
  record Scores(String scaleField, boolean sinks, boolean temperature) {
    static final Scores PLAIN = new Scores("", false, false);
  }
}
