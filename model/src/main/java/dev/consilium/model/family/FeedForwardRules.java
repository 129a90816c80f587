package dev.consilium.model.family;

/**
 * How a family's feed-forward blocks follow from a configuration.
 *
 * @param layers which layers have experts
 * @param countField the field with the number of routed experts
 * @param sizeField the field with the width inside a routed expert
 * @param gate how they are chosen and weighed
 * @param body what a routed expert is
 * @param shared the experts that see every token
 */
record FeedForwardRules(
    Layers layers,
    String countField,
    String sizeField,
    GateRules gate,
    ExpertBody body,
    Shared shared) {

  /** With routed experts of SwiGLU without biases. */
  FeedForwardRules(
      Layers layers, String countField, String sizeField, GateRules gate, Shared shared) {
    this(layers, countField, sizeField, gate, ExpertBody.SWIGLU, shared);
  }

  /** Which layers have experts. */
  enum Layers {
    ALL,
    /**
     * Every {@code decoder_sparse_step}-th, without those in {@code mlp_only_layers}; the others
     * are dense with {@code intermediate_size}.
     */
    SPARSE_STEP,
    /** All but the first {@code first_k_dense_replace}, dense with {@code intermediate_size}. */
    DENSE_FIRST
  }

  /** The experts that see every token. */
  enum Shared {
    NONE,
    /** One of {@code shared_expert_intermediate_size}, weighed by a sigmoid. */
    SIGMOID_GATED,
    /** {@code n_shared_experts} (absent: none) of a routed expert's width, as one block. */
    COUNTED
  }
}
