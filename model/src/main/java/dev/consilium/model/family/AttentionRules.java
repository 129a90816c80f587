package dev.consilium.model.family;

/**
 * How a family's attention follows from a configuration.
 *
 * @param ropeTheta {@code rope_theta} when absent
 * @param qkNorm the norm on queries and keys
 * @param biases which projections have biases
 * @param window which layers see a sliding window
 */
record AttentionRules(double ropeTheta, QkNorm qkNorm, Biases biases, Window window)
    implements MixingRules {

  /** Which attention projections have biases. */
  enum Biases {
    NONE,
    /** Query, key and value, if {@code qkv_bias} (absent: yes). */
    QUERY_KEY_VALUE,
    /** All four, if {@code attention_bias} (absent: no). */
    ALL
  }

  /** Which layers see only the last {@code sliding_window} keys. */
  enum Window {
    NONE,
    /** All, if {@code sliding_window} is there. */
    ALL_LAYERS,
    /** All, if {@code use_sliding_window}. */
    ALL_LAYERS_IF_ENABLED,
    /** Those that {@code layer_types} names, if {@code use_sliding_window}. */
    LISTED_LAYERS_IF_ENABLED
  }
}
