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
  MAMBA2,
  /** Mamba2, by fields without a prefix, where {@link SingleBlocks} says so. */
  MAMBA2_SINGLE_BLOCKS,
  /**
   * Mamba in all layers but {@code attn_layer_offset} (absent: 4) of every {@code
   * attn_layer_period} (absent: 8).
   */
  MAMBA1,
  /** Kimi delta attention where {@code linear_attn_config} says so. */
  CHANNEL_DELTA_NET,
  /**
   * Lightning attention where {@code layer_types} says {@code linear_attention}; absent: in every
   * second layer.
   */
  LIGHTNING,
  /** Lightning attention where {@code attn_type_list} says 0, not 1. */
  LIGHTNING_NUMBERED,
  /** Short convolutions where {@code layer_types} says {@code conv}. */
  SHORT_CONVOLUTION
}
