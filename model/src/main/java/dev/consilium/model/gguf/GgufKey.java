package dev.consilium.model.gguf;

import java.util.Arrays;
import java.util.Optional;

/**
 * The keys of an architecture that decide what is computed, each with the field of a {@code
 * config.json} that means the same. Keys that no line names are refused, but for those that change
 * no result.
 */
enum GgufKey {
  LAYERS("block_count", "num_hidden_layers", Kind.WHOLE),
  CONTEXT("context_length", "max_position_embeddings", Kind.WHOLE),
  HIDDEN("embedding_length", "hidden_size", Kind.WHOLE),
  VOCABULARY("vocab_size", "vocab_size", Kind.WHOLE),
  FEED_FORWARD("feed_forward_length", "intermediate_size", Kind.WHOLE),
  EXPERT_FEED_FORWARD("expert_feed_forward_length", "moe_intermediate_size", Kind.WHOLE),
  SHARED_FEED_FORWARD(
      "expert_shared_feed_forward_length", "shared_expert_intermediate_size", Kind.WHOLE),
  EXPERTS("expert_count", "num_experts", Kind.WHOLE),
  EXPERTS_USED("expert_used_count", "num_experts_per_tok", Kind.WHOLE),
  HEADS("attention.head_count", "num_attention_heads", Kind.WHOLE),
  KV_HEADS("attention.head_count_kv", "num_key_value_heads", Kind.WHOLE),
  KEY_LENGTH("attention.key_length", "head_dim", Kind.WHOLE),
  VALUE_LENGTH("attention.value_length", "head_dim", Kind.WHOLE),
  NORM_EPSILON("attention.layer_norm_rms_epsilon", "rms_norm_eps", Kind.REAL),
  SLIDING_WINDOW("attention.sliding_window", "sliding_window", Kind.WHOLE),
  ROTARY_DIMENSIONS("rope.dimension_count", "head_dim", Kind.WHOLE),
  ROTARY_BASE("rope.freq_base", "rope_theta", Kind.REAL),
  SCALING_TYPE("rope.scaling.type", "rope_type", Kind.TEXT),
  SCALING_FACTOR("rope.scaling.factor", "factor", Kind.REAL),
  SCALING_CONTEXT(
      "rope.scaling.original_context_length", "original_max_position_embeddings", Kind.WHOLE),
  SCALING_BETA_FAST("rope.scaling.yarn_beta_fast", "beta_fast", Kind.REAL),
  SCALING_BETA_SLOW("rope.scaling.yarn_beta_slow", "beta_slow", Kind.REAL),
  /** Was {@code attn_factor} in older files; times the factor that YaRN has by itself. */
  SCALING_ATTENTION("rope.scaling.yarn_attn_factor", "attention_factor", Kind.REAL),
  SCALING_ATTENTION_OLD("rope.scaling.attn_factor", "attention_factor", Kind.REAL),
  /** Changes nothing: says that the factor was trained with. */
  SCALING_FINETUNED("rope.scaling.finetuned", "", Kind.IGNORED),
  /** How the original's layers were stored; changes nothing since files hold one layout only. */
  LAYOUT("tensor_data_layout", "", Kind.IGNORED);

  /** What values are. */
  enum Kind {
    WHOLE,
    REAL,
    TEXT,
    IGNORED
  }

  private final String suffix;
  private final String field;
  private final Kind kind;

  GgufKey(String suffix, String field, Kind kind) {
    this.suffix = suffix;
    this.field = field;
    this.kind = kind;
  }

  /** What follows the architecture and a dot. */
  String suffix() {
    return suffix;
  }

  /** The configuration's name for it. */
  String field() {
    return field;
  }

  Kind kind() {
    return kind;
  }

  static Optional<GgufKey> ofSuffix(String suffix) {
    return Arrays.stream(values()).filter(key -> key.suffix.equals(suffix)).findFirst();
  }
}
