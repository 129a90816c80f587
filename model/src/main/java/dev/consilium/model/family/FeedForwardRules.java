package dev.consilium.model.family;

/**
 * How a family's feed-forward blocks follow from a configuration.
 *
 * @param expertSizeField the field with the width inside a routed expert
 * @param gateNormalisation whether chosen gate weights are divided by their sum
 * @param layers which layers have experts
 * @param sharedExpert whether layers with experts have a sigmoid-gated shared one
 */
record FeedForwardRules(
    String expertSizeField,
    GateNormalisation gateNormalisation,
    LayerKinds layers,
    boolean sharedExpert) {

  /** Whether chosen gate weights are divided by their sum. */
  enum GateNormalisation {
    ALWAYS,
    /** If {@code norm_topk_prob} (absent: no). */
    IF_ENABLED
  }

  /** Which layers have experts. */
  enum LayerKinds {
    ALL_EXPERTS,
    /**
     * Every {@code decoder_sparse_step}-th, without those in {@code mlp_only_layers}; the others
     * are dense with {@code intermediate_size}.
     */
    SPARSE_STEP
  }
}
