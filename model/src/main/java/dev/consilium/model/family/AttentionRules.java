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
 * @param projection how queries, keys and values are made
 */
record AttentionRules(
    Rotary rotary,
    Norm qkNorm,
    Biases biases,
    Keys keys,
    Scores scores,
    OptionalInt headDim,
    Projection projection)
    implements MixingRules {

  /**
   * A declaration; what it does not say is as in most families.
   *
   * @param theta {@code rope_theta} when absent
   */
  static Builder grouped(double theta) {
    return new Builder(theta);
  }

  /**
   * How positions enter.
   *
   * @param theta {@code rope_theta} when absent
   * @param part {@code partial_rotary_factor} when absent
   * @param pairing which values are turned together
   * @param layers which layers know positions
   */
  record Rotary(double theta, double part, RotaryPairing pairing, Turned layers) {}

  /** Which layers know positions. */
  enum Turned {
    ALL,
    /**
     * Those where {@code no_rope_layers} says 1; absent: all but every {@code
     * no_rope_layer_interval}-th.
     */
    LISTED,
    /** Those with a window, if there is one; else all. */
    WINDOWED,
    /** All if {@code position_embedding_type} says {@code rope}, else none. */
    ALL_IF_NAMED,
    NONE
  }

  /**
   * The norm on queries and keys.
   *
   * @param used whether a model of the family has it
   */
  record Norm(QkNorm kind, Flag used) {
    static final Norm NONE = new Norm(QkNorm.NONE, Flag.NEVER);
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

  /**
   * How queries, keys and values are made.
   *
   * @param kvHeads {@code num_key_value_heads} when absent; empty: as many as heads
   * @param clipField the field with the magnitude at which they are cut off, if it is there; empty:
   *     they are not
   * @param gate whether the result is multiplied by the sigmoid of a projection of the token
   */
  record Projection(OptionalInt kvHeads, String clipField, boolean gate) {}

  /** Which keys a token sees. */
  enum Keys {
    ALL,
    /** All, in models where {@code layer_types} says which layers are recurrent. */
    ALL_BESIDE_RECURRENT,
    /** All, in layers that {@link SingleBlocks} names so; others do not attend. */
    ALL_IN_SINGLE_BLOCKS,
    /** The last {@code sliding_window} in all layers, if that is there. */
    WINDOW,
    /** The last {@code sliding_window} in all layers, if {@code use_sliding_window}. */
    WINDOW_IF_ENABLED,
    /** Those in the layers that {@code layer_types} names, if {@code use_sliding_window}. */
    LISTED_WINDOW_IF_ENABLED,
    /**
     * Those in the layers that {@code layer_types} names; absent: in those from {@code
     * max_window_layers} on, if {@code sliding_window} is there.
     */
    WINDOW_BEHIND,
    /**
     * Those in the layers that {@code layer_types} names; absent: in the first and every second
     * after it.
     */
    LISTED_WINDOW,
    /**
     * Those in the layers that {@code layer_types} names, which must be there if {@code
     * sliding_window} is.
     */
    NAMED_WINDOW,
    /**
     * Those of its own {@code attention_chunk_size} positions in the layers that {@code
     * layer_types} names; absent: in the layers that know positions.
     */
    LISTED_CHUNKS
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

  /** Not thread-safe. */
  static final class Builder {
    private final double theta;
    private double part = 1;
    private RotaryPairing pairing = RotaryPairing.HALVES;
    private Turned turned = Turned.ALL;
    private Norm qkNorm = Norm.NONE;
    private Biases biases = Biases.NONE;
    private Keys keys = Keys.ALL;
    private Scores scores = Scores.PLAIN;
    private OptionalInt headDim = OptionalInt.empty();
    private OptionalInt kvHeads = OptionalInt.empty();
    private String clipField = "";
    private boolean outputGate;

    private Builder(double theta) {
      this.theta = theta;
    }

    /** {@code partial_rotary_factor} when absent. */
    Builder part(double value) {
      part = value;
      return this;
    }

    /** Neighbours are turned together. */
    Builder neighbours() {
      pairing = RotaryPairing.NEIGHBOURS;
      return this;
    }

    Builder turned(Turned layers) {
      turned = layers;
      return this;
    }

    Builder qkNorm(QkNorm kind) {
      return qkNorm(kind, Flag.ALWAYS);
    }

    Builder qkNorm(QkNorm kind, Flag used) {
      qkNorm = new Norm(kind, used);
      return this;
    }

    /** Biases of query, key and value. */
    Builder biases(Flag inputs) {
      biases = new Biases(inputs, false);
      return this;
    }

    /** Biases of query, key, value and output. */
    Builder allBiases(Flag all) {
      biases = new Biases(all, true);
      return this;
    }

    Builder keys(Keys value) {
      keys = value;
      return this;
    }

    Builder scores(Scores value) {
      scores = value;
      return this;
    }

    /** {@code head_dim} when absent. */
    Builder headDim(int value) {
      headDim = OptionalInt.of(value);
      return this;
    }

    /** {@code num_key_value_heads} when absent. */
    Builder kvHeads(int value) {
      kvHeads = OptionalInt.of(value);
      return this;
    }

    /** The field with the magnitude at which queries, keys and values are cut off. */
    Builder clipped(String field) {
      clipField = field;
      return this;
    }

    Builder outputGate() {
      outputGate = true;
      return this;
    }

    AttentionRules build() {
      return new AttentionRules(
          new Rotary(theta, part, pairing, turned),
          qkNorm,
          biases,
          keys,
          scores,
          headDim,
          new Projection(kvHeads, clipField, outputGate));
    }
  }
}
