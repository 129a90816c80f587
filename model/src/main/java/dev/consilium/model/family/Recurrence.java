package dev.consilium.model.family;

/** Which of a family's layers are recurrent, and what those are. */
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
