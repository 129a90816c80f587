package dev.consilium.model.gguf;

/**
 * The keys of an architecture that decide what is computed, without the architecture and a dot. A
 * file may have those only that its architecture asks for.
 */
enum GgufKey {
  LAYERS("block_count"),
  PREDICTION_LAYERS("nextn_predict_layers"),
  CONTEXT("context_length"),
  HIDDEN("embedding_length"),
  VOCABULARY("vocab_size"),
  NORM_EPSILON("attention.layer_norm_rms_epsilon"),
  /** Of layer norms; where models have one kind of norm only, {@link #NORM_EPSILON} is of any. */
  LAYER_NORM_EPSILON("attention.layer_norm_epsilon"),
  FEED_FORWARD("feed_forward_length"),
  DENSE_LAYERS("leading_dense_block_count"),
  EXPERT_STEP("interleave_moe_layer_step"),
  /** What routed experts see of a token, where that is not all of it. */
  NARROW("moe_latent_size"),
  EXPERT_FEED_FORWARD("expert_feed_forward_length"),
  EXPERTS("expert_count"),
  EXPERTS_USED("expert_used_count"),
  EXPERT_GROUPS("expert_group_count"),
  EXPERT_GROUPS_USED("expert_group_used_count"),
  SHARED_EXPERTS("expert_shared_count"),
  SHARED_FEED_FORWARD("expert_shared_feed_forward_length"),
  /** 1 softmax, 2 sigmoid. */
  GATE_SCORE("expert_gating_func"),
  GATE_NORMALISED("expert_weights_norm"),
  GATE_SCALE("expert_weights_scale"),
  HEADS("attention.head_count"),
  KV_HEADS("attention.head_count_kv"),
  KEY_LENGTH("attention.key_length"),
  VALUE_LENGTH("attention.value_length"),
  LATENT_KEY_LENGTH("attention.key_length_mla"),
  LATENT_VALUE_LENGTH("attention.value_length_mla"),
  QUERY_RANK("attention.q_lora_rank"),
  KEY_VALUE_RANK("attention.kv_lora_rank"),
  SLIDING_WINDOW("attention.sliding_window"),
  /** In which layers; of how many the last has none; or of every layer whether it has one. */
  WINDOW_PATTERN("attention.sliding_window_pattern"),
  ATTENTION_SCALE("attention.scale"),
  /** The magnitude that queries, keys and values are cut off at. */
  CLIP("attention.clamp_kqv"),
  EMBEDDING_SCALE("embedding_scale"),
  RESIDUAL_SCALE("residual_scale"),
  /** What logits are divided by. */
  LOGIT_SCALE("logit_scale"),
  ROTARY_DIMENSIONS("rope.dimension_count"),
  ROTARY_SECTIONS("rope.dimension_sections"),
  ROTARY_BASE("rope.freq_base"),
  /** Of layers with windows, where those have another. */
  ROTARY_BASE_OF_WINDOWS("rope.freq_base_swa"),
  SCALING_TYPE("rope.scaling.type"),
  SCALING_FACTOR("rope.scaling.factor"),
  SCALING_CONTEXT("rope.scaling.original_context_length"),
  SCALING_BETA_FAST("rope.scaling.yarn_beta_fast"),
  SCALING_BETA_SLOW("rope.scaling.yarn_beta_slow"),
  /** A tenth of YaRN's {@code mscale_all_dim}. */
  SCALING_LOGARITHM("rope.scaling.yarn_log_multiplier"),
  /** What multiplies cosine and sine, beside the factor that YaRN has by itself. */
  SCALING_ATTENTION("rope.scaling.attn_factor"),
  /** Written by some programs and read by none, for these architectures. */
  SCALING_ATTENTION_UNREAD("rope.scaling.yarn_attn_factor"),
  /** That the factor was trained with; of hybrids, whether there is a rotation. */
  SCALING_FINETUNED("rope.scaling.finetuned"),
  RECURRENT_TAPS("ssm.conv_kernel"),
  RECURRENT_WIDTH("ssm.inner_size"),
  RECURRENT_STATE("ssm.state_size"),
  RECURRENT_HEADS("ssm.time_step_rank"),
  RECURRENT_GROUPS("ssm.group_count"),
  /** Values of a head of Kimi's delta attention. */
  DELTA_HEAD("kda.head_dim"),
  SHORT_TAPS("shortconv.l_cache"),
  FULL_ATTENTION_INTERVAL("full_attention_interval"),
  /** How the original's layers were stored; changes nothing since files hold one layout only. */
  LAYOUT("tensor_data_layout");

  private final String suffix;

  GgufKey(String suffix) {
    this.suffix = suffix;
  }

  /** What follows the architecture and a dot. */
  String suffix() {
    return suffix;
  }
}
