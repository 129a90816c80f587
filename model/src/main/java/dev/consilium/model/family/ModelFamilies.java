package dev.consilium.model.family;

import static dev.consilium.model.family.AttentionRules.grouped;
import static dev.consilium.model.family.BlockRules.norms;
import static dev.consilium.model.family.FeedForwardRules.experts;
import static dev.consilium.model.family.ModelFamily.declare;

import com.fasterxml.jackson.databind.JsonNode;
import dev.consilium.model.family.AttentionRules.Keys;
import dev.consilium.model.family.AttentionRules.Scores;
import dev.consilium.model.family.AttentionRules.Turned;
import dev.consilium.model.family.FeedForwardRules.Layers;
import dev.consilium.model.family.FeedForwardRules.Shared;
import dev.consilium.model.family.GateRules.Groups;
import dev.consilium.model.family.GateRules.Normalisation;
import dev.consilium.model.family.GateRules.Score;
import dev.consilium.model.family.GateRules.Weight;
import dev.consilium.model.family.RecurrentNames.Part;
import java.util.Collection;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The families that we know, and the way from a configuration to a specification. */
public final class ModelFamilies {

  private static final ModelFamily MIXTRAL =
      declare(
              "mixtral",
              "MixtralForCausalLM",
              norms(1e-5),
              grouped(1e6).keys(Keys.WINDOW).build(),
              experts("num_experts", "intermediate_size")
                  .gate(GateRules.softmax(Normalisation.ALWAYS)))
          .ignoring("router_jitter_noise") // noise on the gate's input while training
          .only("attention_bias", "false")
          .names(mixtralNames())
          .build();

  private static final ModelFamily PHIMOE =
      declare(
              "phimoe",
              "PhimoeForCausalLM",
              norms(1e-5).kind(NormSpec.Kind.LAYER).headBias(new Flag("lm_head_bias", false)),
              grouped(1e6).keys(Keys.WINDOW).allBiases(new Flag("attention_bias", false)).build(),
              experts("num_local_experts", "intermediate_size")
                  .gate(GateRules.of(Score.SPARSE_MIXER)))
          .alsoCalled("PhiMoEForCausalLM")
          .ignoring("input_jitter_noise") // while training
          .names(mixtralNames())
          .build();

  private static final ModelFamily QWEN2_MOE =
      declare(
              "qwen2_moe",
              "Qwen2MoeForCausalLM",
              norms(1e-6),
              grouped(1e4)
                  .biases(new Flag("qkv_bias", true))
                  .keys(Keys.LISTED_WINDOW_IF_ENABLED)
                  .build(),
              experts("num_experts", "moe_intermediate_size")
                  .layers(Layers.SPARSE_STEP)
                  .gate(GateRules.softmax(Normalisation.IF_ENABLED))
                  .shared(new Shared.Sized("shared_expert_intermediate_size", true)))
          .names(qwenNames())
          .build();

  private static final ModelFamily QWEN3_MOE =
      declare(
              "qwen3_moe",
              "Qwen3MoeForCausalLM",
              norms(1e-6),
              grouped(1e4)
                  .qkNorm(QkNorm.PER_HEAD)
                  .allBiases(new Flag("attention_bias", false))
                  .keys(Keys.WINDOW_IF_ENABLED)
                  .build(),
              experts("num_experts", "moe_intermediate_size")
                  .layers(Layers.SPARSE_STEP)
                  .gate(GateRules.softmax(Normalisation.IF_ENABLED)))
          // The reference slides in all layers of this family, whatever this says.
          .ignoring("max_window_layers")
          .only("use_qk_norm", "true")
          .only("qkv_bias", "false")
          .only("shared_expert_intermediate_size", "0", "0.0")
          .build();

  private static final ModelFamily QWEN3_NEXT =
      declare(
              "qwen3_next",
              "Qwen3NextForCausalLM",
              norms(1e-6).kind(NormSpec.Kind.RMS_AROUND_ONE),
              qwenGatedAttention(),
              experts("num_experts", "moe_intermediate_size")
                  .layers(Layers.SPARSE_STEP)
                  .gate(GateRules.softmax(Normalisation.UNLESS_DISABLED))
                  .shared(new Shared.Sized("shared_expert_intermediate_size", true)))
          .recurrence(Recurrence.DELTA_NET)
          .only("use_sliding_window", "false")
          .names(qwenNames().recurrent("linear_attn").byKeyHead())
          .build();

  private static final ModelFamily OLMOE =
      declare(
              "olmoe",
              "OlmoeForCausalLM",
              norms(1e-5),
              grouped(1e4)
                  .qkNorm(QkNorm.WHOLE_PROJECTION)
                  .allBiases(new Flag("attention_bias", false))
                  .build(),
              experts("num_experts", "intermediate_size")
                  .gate(GateRules.softmax(Normalisation.IF_ENABLED)))
          .only("clip_qkv") // with null, its published value, nothing is clipped
          .build();

  private static final ModelFamily FLEX_OLMO =
      declare(
              "flex_olmo",
              "FlexOlmoForCausalLM",
              norms(1e-6).after(),
              grouped(500_000)
                  .qkNorm(QkNorm.WHOLE_PROJECTION)
                  .allBiases(new Flag("attention_bias", false))
                  .build(),
              experts("num_experts", "intermediate_size")
                  .gate(GateRules.softmax(Normalisation.IF_ENABLED)))
          .only("clip_qkv")
          .names(new NamesBuilder().norms("post_attention_layernorm", "post_feedforward_layernorm"))
          .build();

  private static final ModelFamily DEEPSEEK_V2 =
      declare(
              "deepseek_v2",
              "DeepseekV2ForCausalLM",
              norms(1e-6),
              new LatentRules(1e4, 1e-6),
              experts("n_routed_experts", "moe_intermediate_size")
                  .layers(Layers.DENSE_FIRST)
                  .gate(
                      GateRules.of(Score.SOFTMAX_OF_ALL)
                          .groups(Groups.IF_METHOD_SAYS)
                          .weight(Weight.SCALED_OUTPUT))
                  .shared(new Shared.Counted("n_shared_experts")))
          .ignoring("aux_loss_alpha", "ep_size", "seq_aux")
          .only("moe_layer_freq", "1")
          // Published code disagrees on whether the scaling factor applies then.
          .only("norm_topk_prob", "false")
          .only("rope_interleave", "true")
          .only("scoring_func", "\"softmax\"")
          .build();

  private static final ModelFamily DOTS1 =
      declare(
              "dots1",
              "Dots1ForCausalLM",
              norms(1e-6),
              grouped(1e4)
                  .qkNorm(QkNorm.PER_HEAD)
                  .allBiases(new Flag("attention_bias", false))
                  .keys(Keys.WINDOW_BEHIND)
                  .build(),
              experts("n_routed_experts", "moe_intermediate_size")
                  .layers(Layers.DENSE_FIRST)
                  .gate(GateRules.corrected(Normalisation.IF_ENABLED))
                  .shared(new Shared.Counted("n_shared_experts")))
          .only("moe_layer_freq", "1")
          .only("scoring_func", "\"sigmoid\"", "\"noaux_tc\"")
          .only("topk_method", "\"noaux_tc\"")
          .build();

  private static final ModelFamily MINIMAX_M2 =
      declare(
              "minimax_m2",
              "MiniMaxM2ForCausalLM",
              norms(1e-6),
              grouped(5e6).qkNorm(QkNorm.WHOLE_PROJECTION).headDim(128).build(),
              experts("num_local_experts", "intermediate_size")
                  .gate(
                      GateRules.of(Score.SIGMOID)
                          .correctionBias()
                          .normalised(Normalisation.ALWAYS)))
          // Layers that predict further tokens; noise while training; sizes of what is not there.
          .ignoring("use_mtp", "num_mtp_modules", "mtp_transformer_layers")
          .ignoring("router_jitter_noise", "mlp_intermediate_size", "shared_moe_mode")
          .ignoring("swa_rope_theta", "max_model_len")
          .only("attn_type_list", "1")
          .only("layernorm_full_attention_beta", "1.0", "1")
          .only("layernorm_linear_attention_beta", "1.0", "1")
          .only("layernorm_mlp_beta", "1.0", "1")
          .only("postnorm", "false")
          .only("qk_norm_type", "\"per_layer\"")
          .only("scoring_func", "\"sigmoid\"")
          .only("shared_intermediate_size", "0")
          .only("use_qk_norm", "true")
          .only("use_routing_bias", "true")
          .names(mixtralNames().correctionBias("block_sparse_moe.e_score_correction_bias"))
          .build();

  private static final ModelFamily HUNYUAN =
      declare(
              "hunyuan_v1_moe",
              "HunYuanMoEV1ForCausalLM",
              norms(1e-5),
              grouped(1e4)
                  .qkNorm(QkNorm.PER_HEAD_ROTATED)
                  .allBiases(new Flag("attention_bias", false))
                  .build(),
              experts("num_experts", "intermediate_size")
                  .topK("moe_topk")
                  .gate(GateRules.softmax(Normalisation.ALWAYS))
                  .shared(new Shared.One()))
          .ignoring("attention_head_dim", "cla_share_factor", "eod_token_id", "im_end_id")
          .ignoring("im_newline_id", "im_start_id", "image_token_id", "mask_init_id", "pad_id")
          .ignoring("moe_drop_tokens", "moe_random_routing_dropped_token", "text_start_id")
          .ignoring("text_end_id", "video_start_id", "video_end_id", "norm_topk_prob", "eod_id")
          // The reference takes intermediate_size for all experts.
          .ignoring("moe_intermediate_size")
          .only("add_classification_head", "false")
          .only("class_num", "0")
          .only("group_limited_greedy", "false")
          .only("moe_layer_num_skipped", "0")
          .only("n_group", "false")
          .only("norm_type", "\"rms\"", "\"hf_rms\"")
          .only("num_shared_expert", "1")
          .only("position_embedding_xdrope", "false")
          .only("routed_scaling_factor", "false", "1.0")
          .only("topk_group", "false")
          .only("use_cla", "false")
          .only("use_mixed_mlp_moe", "true")
          .only("use_mla", "false")
          .only("use_qk_norm", "true")
          .only("use_rotary_pos_emb", "true")
          .names(
              new NamesBuilder()
                  .qkNorms("query_layernorm", "key_layernorm")
                  .gate("mlp.gate.wg")
                  .shared(GatedNames.of("mlp.shared_mlp")))
          .build();

  private static final ModelFamily GLM4_MOE =
      declare(
              "glm4_moe",
              "Glm4MoeForCausalLM",
              norms(1e-5),
              grouped(1e4)
                  .part(0.5)
                  .qkNorm(QkNorm.PER_HEAD, new Flag("use_qk_norm", false))
                  .biases(new Flag("attention_bias", false))
                  .headDim(128)
                  .build(),
              experts("n_routed_experts", "moe_intermediate_size")
                  .layers(Layers.DENSE_FIRST)
                  .gate(GateRules.corrected(Normalisation.UNLESS_DISABLED))
                  .shared(new Shared.Counted("n_shared_experts")))
          .build();

  private static final ModelFamily GLM4_MOE_LITE =
      declare(
              "glm4_moe_lite",
              "Glm4MoeLiteForCausalLM",
              norms(1e-5),
              new LatentRules(1e4, 1e-6),
              experts("n_routed_experts", "moe_intermediate_size")
                  .layers(Layers.TYPED)
                  .gate(GateRules.corrected(Normalisation.UNLESS_DISABLED))
                  .shared(new Shared.Counted("n_shared_experts")))
          .only("topk_method", "\"noaux_tc\"")
          .build();

  private static final ModelFamily SOLAR_OPEN =
      declare(
              "solar_open",
              "SolarOpenForCausalLM",
              norms(1e-5),
              grouped(1e6).biases(new Flag("attention_bias", false)).headDim(128).build(),
              experts("n_routed_experts", "moe_intermediate_size")
                  .gate(GateRules.corrected(Normalisation.UNLESS_DISABLED))
                  .shared(new Shared.Counted("n_shared_experts")))
          // All layers have experts, and none a norm of queries and keys, whatever these say.
          .ignoring("first_k_dense_replace", "intermediate_size", "use_qk_norm")
          .build();

  private static final ModelFamily EXAONE_MOE =
      declare(
              "exaone_moe",
              "ExaoneMoeForCausalLM",
              norms(1e-5),
              grouped(1e6)
                  .turned(Turned.WINDOWED)
                  .qkNorm(QkNorm.PER_HEAD)
                  .keys(Keys.NAMED_WINDOW)
                  .build(),
              experts("num_experts", "moe_intermediate_size")
                  .layers(Layers.TYPED)
                  .gate(GateRules.corrected(Normalisation.UNLESS_DISABLED))
                  .shared(new Shared.Counted("num_shared_experts")))
          .alsoCalled("ExaoneMoEForCausalLM")
          // The lists of layer types say the same.
          .ignoring("is_moe_layer", "sliding_window_pattern")
          .only("scoring_func", "\"sigmoid\"")
          .only("topk_method", "\"noaux_tc\"")
          .names(new NamesBuilder().correctionBias("mlp.e_score_correction_bias"))
          .build();

  private static final ModelFamily HY_V3 =
      declare(
              "hy_v3",
              "HYV3ForCausalLM",
              norms(1e-5),
              grouped(11_158_840)
                  .qkNorm(QkNorm.PER_HEAD)
                  .allBiases(new Flag("attention_bias", false))
                  .build(),
              experts("num_experts", "moe_intermediate_size")
                  .layers(Layers.TYPED)
                  .gate(
                      GateRules.of(Score.SIGMOID)
                          .correctionBias()
                          .normalised(Normalisation.ALWAYS)
                          .epsilon(1e-20f)
                          .scaled("router_scaling_factor", 2.826))
                  .shared(new Shared.Counted("num_shared_experts")))
          .ignoring("enable_moe_fp32_combine")
          .only("first_k_dense_replace", "1") // the reference looks at mlp_layer_types only
          .names(
              new NamesBuilder()
                  .gate("mlp.router.gate")
                  .correctionBias("mlp.expert_bias")
                  .shared(GatedNames.of("mlp.shared_mlp")))
          .build();

  private static final ModelFamily GPT_OSS =
      declare(
              "gpt_oss",
              "GptOssForCausalLM",
              norms(1e-5),
              grouped(150_000)
                  .allBiases(new Flag("attention_bias", true))
                  .keys(Keys.LISTED_WINDOW)
                  .scores(new Scores("", true, false))
                  .headDim(64)
                  .build(),
              experts("num_local_experts", "intermediate_size")
                  .gate(GateRules.of(Score.SOFTMAX_OF_CHOSEN).bias())
                  .body(new BlockBody(new Activation.ClampedSwiGlu(1.702f, 7), true)))
          // The reference takes num_experts_per_tok and the rope parameters instead.
          .ignoring("experts_per_token", "initial_context_length")
          .only("swiglu_limit", "7.0", "7")
          .names(
              new NamesBuilder()
                  .gate("mlp.router")
                  .experts(
                      GatedNames.fused("mlp.experts.gate_up_proj", "mlp.experts.down_proj"),
                      ExpertLayout.TRANSPOSED_ALTERNATING))
          .build();

  private static final ModelFamily ERNIE =
      declare(
              "ernie4_5_moe",
              "Ernie4_5_MoeForCausalLM",
              norms(1e-5).tied().headBias(new Flag("use_bias", false)),
              grouped(500_000).neighbours().allBiases(new Flag("use_bias", false)).build(),
              experts("moe_num_experts", "moe_intermediate_size")
                  .topK("moe_k")
                  .layers(Layers.FROM_TO)
                  .gate(
                      GateRules.of(Score.SOFTMAX_OF_ALL)
                          .correctionBias()
                          .normalised(Normalisation.ALWAYS)
                          .floor("moe_norm_min"))
                  .biases(new Flag("use_bias", false))
                  .shared(new Shared.Counted("moe_num_shared_experts")))
          .names(new NamesBuilder().correctionBias("mlp.moe_statics.e_score_correction_bias[row]"))
          .build();

  private static final ModelFamily LLAMA4 =
      declare(
              "llama4_text",
              "Llama4ForCausalLM",
              norms(1e-5),
              grouped(500_000)
                  .neighbours()
                  .turned(Turned.LISTED)
                  .qkNorm(QkNorm.PER_HEAD_ROTATED_UNWEIGHTED, new Flag("use_qk_norm", true))
                  .allBiases(new Flag("attention_bias", false))
                  .keys(Keys.LISTED_CHUNKS)
                  .scores(new Scores("", false, true))
                  .headDim(128)
                  .build(),
              experts("num_local_experts", "intermediate_size")
                  .denseSize("intermediate_size_mlp")
                  .layers(Layers.LISTED)
                  .gate(GateRules.of(Score.SIGMOID).weight(Weight.INPUT))
                  .shared(new Shared.One()))
          .ignoring("router_jitter_noise", "for_llm_compressor")
          .names(
              new NamesBuilder()
                  .gate("feed_forward.router")
                  .experts(
                      GatedNames.fused(
                          "feed_forward.experts.gate_up_proj", "feed_forward.experts.down_proj"),
                      ExpertLayout.TRANSPOSED)
                  .shared(GatedNames.of("feed_forward.shared_expert"))
                  .dense(GatedNames.of("feed_forward")))
          .build();

  private static final ModelFamily LFM2_MOE =
      declare(
              "lfm2_moe",
              "Lfm2MoeForCausalLM",
              norms(1e-5).tied(),
              grouped(1e6).qkNorm(QkNorm.PER_HEAD).keys(Keys.ALL_BESIDE_RECURRENT).build(),
              experts("num_experts", "moe_intermediate_size")
                  .layers(Layers.DENSE_COUNTED)
                  .gate(
                      GateRules.of(Score.SIGMOID)
                          .correctionBias()
                          .normalised(Normalisation.UNLESS_DISABLED)
                          .epsilon(1e-6f)
                          .weight(Weight.SCALED_OUTPUT)))
          .called("rms_norm_eps", "norm_eps")
          .recurrence(Recurrence.SHORT_CONVOLUTION)
          .only("use_expert_bias", "true")
          .names(
              new NamesBuilder()
                  .norms("operator_norm", "ffn_norm")
                  .qkNorms("q_layernorm", "k_layernorm")
                  .attentionOutput("out_proj")
                  .recurrent("conv")
                  .recurrent(Part.CONVOLUTION, "conv.weight")
                  .gate("feed_forward.gate")
                  .correctionBias("feed_forward.expert_bias")
                  .experts(GatedNames.of("feed_forward.experts.{expert}", "w1", "w3", "w2"))
                  .dense(GatedNames.of("feed_forward", "w1", "w3", "w2"))
                  .finalNorm("embedding_norm"))
          .build();

  private static final ModelFamily JAMBA =
      declare(
              "jamba",
              "JambaForCausalLM",
              norms(1e-6),
              grouped(1e4).turned(Turned.NONE).keys(Keys.ALL_BESIDE_RECURRENT).build(),
              experts("num_experts", "intermediate_size")
                  .layers(Layers.PERIODIC)
                  .gate(GateRules.softmax(Normalisation.NEVER)))
          .recurrence(Recurrence.MAMBA1)
          .ignoring("calc_logits_for_entire_prompt", "num_logits_to_keep", "use_mamba_kernels")
          .ignoring("use_associative_scan", "use_mambapy")
          .only("mamba_inner_layernorms", "true")
          .only("sliding_window")
          .names(
              new NamesBuilder()
                  .norms("input_layernorm", "pre_ff_layernorm")
                  .gate("feed_forward.router")
                  .experts(GatedNames.of("feed_forward.experts.{expert}"))
                  .dense(GatedNames.of("feed_forward"))
                  .finalNorm("final_layernorm"))
          .build();

  private static final ModelFamily KIMI_LINEAR =
      declare(
              "kimi_linear",
              "KimiLinearForCausalLM",
              norms(1e-5),
              new LatentRules(1e4, 1e-6).unrotated(),
              experts("num_experts", "moe_intermediate_size")
                  .topK("num_experts_per_token")
                  .layers(Layers.DENSE_FIRST)
                  .gate(
                      GateRules.of(Score.SIGMOID)
                          .correctionBias()
                          .normalised(Normalisation.ALWAYS)
                          .epsilon(1e-20f)
                          .weight(Weight.SCALED_OUTPUT))
                  .shared(new Shared.Counted("num_shared_experts")))
          .called("max_position_embeddings", "model_max_length")
          .recurrence(Recurrence.KIMI_DELTA)
          .only("mla_use_nope", "true")
          .only("moe_layer_freq", "1")
          .only("moe_renormalize", "true")
          .only("moe_router_activation_func", "\"sigmoid\"")
          .only("num_expert_group", "1")
          .only("topk_group", "1")
          .only("use_grouped_topk", "true")
          .names(
              mixtralNames()
                  .shared(GatedNames.of("block_sparse_moe.shared_experts"))
                  .recurrent("self_attn")
                  .recurrent(Part.STRENGTH, "b_proj.weight")
                  .recurrent(Part.NORM, "o_norm.weight")
                  .recurrent(Part.OUTPUT, "o_proj.weight"))
          .build();

  private static final ModelFamily DBRX =
      declare(
              "dbrx",
              "DbrxForCausalLM",
              norms(1e-5).kind(NormSpec.Kind.LAYER_UNBIASED),
              grouped(1e4).kvHeads(1).clipped("attn_config.clip_qkv").build(),
              experts("ffn_config.moe_num_experts", "ffn_config.ffn_hidden_size")
                  .topK("ffn_config.moe_top_k")
                  .gate(GateRules.softmax(Normalisation.UNLESS_NULL)))
          .part("attn_config")
          .part("ffn_config")
          .called("hidden_size", "d_model")
          .called("max_position_embeddings", "max_seq_len")
          .called("num_attention_heads", "n_heads")
          .called("num_hidden_layers", "n_layers")
          .called("num_key_value_heads", "attn_config.kv_n_heads")
          .called("rope_theta", "attn_config.rope_theta")
          // While training.
          .ignoring("attn_config.attn_pdrop", "emb_pdrop", "resid_pdrop")
          .ignoring("ffn_config.moe_jitter_eps", "ffn_config.moe_loss_weight")
          .ignoring("attn_config.model_type", "ffn_config.model_type")
          .only("ffn_config.ffn_act_fn", "{\"name\":\"silu\"}")
          .only("ffn_config.uniform_expert_assignment", "false")
          .names(
              new NamesBuilder("transformer.", "blocks." + WeightNames.LAYER, "norm_attn_norm.attn")
                  .embedding("wte")
                  .norms("norm_attn_norm.norm_1", "norm_attn_norm.norm_2")
                  .queryKeyValue("Wqkv")
                  .attentionOutput("out_proj")
                  .gate("ffn.router.layer")
                  .experts(
                      GatedNames.apart(
                          "ffn.experts.mlp.w1", "ffn.experts.mlp.v1", "ffn.experts.mlp.w2"),
                      ExpertLayout.ROWS)
                  .finalNorm("norm_f"))
          .build();

  private static final ModelFamily NEMOTRON_H =
      declare(
              "nemotron_h",
              "NemotronHForCausalLM",
              norms(1e-5),
              grouped(1e4).turned(Turned.NONE).keys(Keys.ALL_IN_SINGLE_BLOCKS).headDim(128).build(),
              experts("n_routed_experts", "moe_intermediate_size")
                  .layers(Layers.SINGLE_BLOCKS)
                  .gate(GateRules.corrected(Normalisation.UNLESS_DISABLED))
                  .activation(new Activation.SquaredRelu())
                  .otherBiases(new Flag("mlp_bias", false))
                  .shared(new Shared.Sized("moe_shared_expert_intermediate_size", false))
                  .narrow("moe_latent_size"))
          .called("rms_norm_eps", "layer_norm_epsilon")
          .recurrence(Recurrence.MAMBA2_SINGLE_BLOCKS)
          // How weights began, and how the reference computes.
          .ignoring("hidden_dropout", "mamba_ssm_cache_dtype", "moe_shared_expert_overlap")
          .ignoring("num_logits_to_keep", "rescale_prenorm_residual", "residual_in_fp32")
          .ignoring("time_step_floor", "time_step_max", "time_step_min", "use_mamba_kernels")
          // Of layers that predict further tokens.
          .ignoring("mtp_hybrid_override_pattern", "mtp_layers_block_type")
          // The reference reads another field, or none.
          .ignoring("mamba_proj_bias", "n_shared_experts", "norm_eps")
          .only("attention_bias", "false")
          .only("mamba_hidden_act", "\"silu\"")
          .only("mlp_hidden_act", "\"relu2\"")
          .only("sliding_window")
          .names(
              new NamesBuilder("backbone.", "layers." + WeightNames.LAYER, "mixer")
                  .embedding("embeddings")
                  .norms("norm", "norm")
                  .gate("mixer.gate")
                  .experts(GatedNames.of("mixer.experts.{expert}"))
                  .shared(GatedNames.of("mixer.shared_experts"))
                  .dense(GatedNames.of("mixer"))
                  .narrow("mixer.fc1_latent_proj", "mixer.fc2_latent_proj")
                  .recurrent("mixer")
                  .finalNorm("norm_f")
                  .unused("mtp."))
          .build();

  private static final ModelFamily LONGCAT_FLASH =
      declare(
              "longcat_flash",
              "LongcatFlashForCausalLM",
              norms(1e-5),
              new LatentRules(1e7, 1e-6).withFactors(),
              experts("n_routed_experts", "expert_ffn_hidden_size")
                  .topK("moe_topk")
                  .denseSize("ffn_hidden_size")
                  .layers(Layers.FIRST_OF_TWO)
                  .identities("zero_expert_num")
                  .gate(
                      GateRules.of(Score.SOFTMAX_OF_ALL)
                          .correctionBias()
                          .scaled("routed_scaling_factor", 6))
                  .shared(new Shared.Sized("ffn_hidden_size", false)))
          .called("num_hidden_layers", "num_layers")
          .only("attention_method", "\"MLA\"")
          .only("mla_scale_kv_lora", "true")
          .only("mla_scale_q_lora", "true")
          .only("norm_topk_prob", "false")
          .only("router_bias", "false")
          .only("zero_expert_type", "\"identity\"")
          .names(
              new NamesBuilder(
                      "model.", "layers." + WeightNames.PAIR, "self_attn." + WeightNames.HALF)
                  .norms(
                      "input_layernorm." + WeightNames.HALF,
                      "post_attention_layernorm." + WeightNames.HALF)
                  .gate("mlp.router.classifier")
                  .correctionBias("mlp.router.e_score_correction_bias")
                  .shared(GatedNames.of("mlps." + WeightNames.HALF))
                  .dense(GatedNames.of("mlps." + WeightNames.HALF))
                  .unused("model.mtp."))
          .build();

  private static final SortedMap<String, ModelFamily> BY_TYPE = new TreeMap<>();

  static {
    Stream.of(
            MIXTRAL,
            PHIMOE,
            QWEN2_MOE,
            QWEN3_MOE,
            QWEN3_NEXT,
            OLMOE,
            FLEX_OLMO,
            DOTS1,
            MINIMAX_M2,
            HUNYUAN,
            DBRX,
            DEEPSEEK_V2,
            deepseekV3("deepseek_v3"),
            deepseekV3("kimi_k2"),
            GLM4_MOE,
            GLM4_MOE_LITE,
            SOLAR_OPEN,
            EXAONE_MOE,
            HY_V3,
            GPT_OSS,
            ERNIE,
            LLAMA4,
            LFM2_MOE,
            JAMBA,
            KIMI_LINEAR,
            LONGCAT_FLASH,
            NEMOTRON_H,
            minimax("minimax", "MiniMaxForCausalLM", Recurrence.LIGHTNING)
                .ignoring("block_size")
                .build(),
            minimaxOriginal("minimax_text_01", "MiniMaxText01ForCausalLM"),
            minimaxOriginal("minimax_m1", "MiniMaxM1ForCausalLM"),
            qwen35("qwen3_5_moe_text", "Qwen3_5MoeForCausalLM", qwenNames()).build(),
            qwen35(
                    "qwen3_5_moe",
                    "Qwen3_5MoeForConditionalGeneration",
                    qwenNames("model.language_model.")
                        .experts(
                            GatedNames.fused("mlp.experts.gate_up_proj", "mlp.experts.down_proj"),
                            ExpertLayout.STACKED)
                        .unused("model.visual."))
                .scaledNames(qwenLinear(qwenNames("model.language_model.")).unused("model.visual."))
                .section("text_config")
                .only("model_type", "\"qwen3_5_moe_text\"")
                .build(),
            granite("granitemoe", "GraniteMoeForCausalLM", false)
                .only("position_embedding_type", "\"rope\"")
                .build(),
            granite("granitemoeshared", "GraniteMoeSharedForCausalLM", true)
                .only("position_embedding_type", "\"rope\"")
                .build(),
            granite("granitemoehybrid", "GraniteMoeHybridForCausalLM", true)
                .recurrence(Recurrence.MAMBA2)
                .ignoring("init_method")
                .only("normalization_function", "\"rmsnorm\"")
                .only("mamba_proj_bias", "false")
                .build())
        .forEach(family -> BY_TYPE.put(family.modelType(), family));
  }

  private ModelFamilies() {}

  /** The {@code model_type}s that we know, sorted. */
  public static List<String> known() {
    return List.copyOf(BY_TYPE.keySet());
  }

  /** All declarations, by {@code model_type}. */
  static Collection<ModelFamily> declarations() {
    return List.copyOf(BY_TYPE.values());
  }

  /**
   * The specification that a configuration stands for.
   *
   * @param config the content of a {@code config.json}
   * @throws ConfigException if the family is unknown, or a field is missing, wrong, contradicts
   *     another or is not known
   */
  public static ModelSpec specify(JsonNode config) {
    ConfigFields fields = new ConfigFields("", config);
    return SpecReader.read(family(fields), fields);
  }

  /**
   * The same for a configuration that calls fields as most families do, whatever its own does, and
   * has all of them outside.
   */
  public static ModelSpec specifyByUsualNames(JsonNode config) {
    ConfigFields fields = new ConfigFields("", config);
    return SpecReader.readUsual(family(fields), fields);
  }

  private static ModelFamily family(ConfigFields fields) {
    String type =
        fields
            .optionalText("model_type")
            .orElseThrow(
                () -> new ConfigException("field model_type is missing; known are " + knownText()));
    ModelFamily family = BY_TYPE.get(type);
    if (family == null) {
      throw new ConfigException(
          "model family %s is not supported; known are %s".formatted(type, knownText()));
    }
    return family;
  }

  /** DeepSeek-V3, and models that are one by another name. */
  private static ModelFamily deepseekV3(String modelType) {
    return declare(
            modelType,
            "DeepseekV3ForCausalLM",
            norms(1e-6),
            new LatentRules(1e4, 1e-6),
            experts("n_routed_experts", "moe_intermediate_size")
                .layers(Layers.DENSE_FIRST)
                .gate(GateRules.corrected(Normalisation.UNLESS_DISABLED))
                .shared(new Shared.Counted("n_shared_experts")))
        .ignoring("aux_loss_alpha", "ep_size", "seq_aux")
        .only("moe_layer_freq", "1")
        .only("scoring_func", "\"sigmoid\"")
        .only("topk_method", "\"noaux_tc\"")
        .build();
  }

  /** MiniMax-Text-01 and M1; their configurations differ. */
  private static ModelFamily.Builder minimax(
      String modelType, String architecture, Recurrence recurrence) {
    return declare(
            modelType,
            architecture,
            norms(1e-5).onStream(),
            grouped(1e6).keys(Keys.ALL_BESIDE_RECURRENT).build(),
            experts("num_local_experts", "intermediate_size")
                .gate(GateRules.softmax(Normalisation.ALWAYS)))
        .recurrence(recurrence)
        .ignoring("router_jitter_noise") // while training
        .only("sliding_window")
        .names(
            mixtralNames()
                .recurrent("self_attn")
                .recurrent(Part.QUERY_KEY_VALUE, "qkv_proj.weight")
                .recurrent(Part.GATE, "output_gate.weight"));
  }

  /** As they were published, before the reference knew them. */
  private static ModelFamily minimaxOriginal(String modelType, String architecture) {
    return minimax(modelType, architecture, Recurrence.LIGHTNING_NUMBERED)
        .called("full_attn_alpha_factor", "layernorm_full_attention_alpha")
        .called("full_attn_beta_factor", "layernorm_full_attention_beta")
        .called("linear_attn_alpha_factor", "layernorm_linear_attention_alpha")
        .called("linear_attn_beta_factor", "layernorm_linear_attention_beta")
        .called("mlp_alpha_factor", "layernorm_mlp_alpha")
        .called("mlp_beta_factor", "layernorm_mlp_beta")
        .ignoring("shared_moe_mode") // of shared experts that are not there
        .only("postnorm", "true")
        .only("shared_intermediate_size", "0")
        .build();
  }

  /** Granite's families of experts; they differ in what is beside experts and attention. */
  private static ModelFamily.Builder granite(
      String modelType, String architecture, boolean shared) {
    boolean hybrid = modelType.equals("granitemoehybrid");
    return declare(
            modelType,
            architecture,
            hybrid ? norms(1e-6).multipliers().tied() : norms(1e-6).multipliers(),
            grouped(1e4)
                .turned(hybrid ? Turned.ALL_IF_NAMED : Turned.ALL)
                .allBiases(new Flag("attention_bias", false))
                .keys(hybrid ? Keys.ALL_BESIDE_RECURRENT : Keys.ALL)
                .scores(new Scores("attention_multiplier", false, false))
                .build(),
            experts("num_local_experts", "intermediate_size")
                .gate(GateRules.of(Score.SOFTMAX_OF_CHOSEN))
                .shared(
                    shared
                        ? new Shared.Sized("shared_intermediate_size", false)
                        : new Shared.None()))
        .names(
            new NamesBuilder()
                .gate("block_sparse_moe.router.layer")
                .experts(
                    GatedNames.fused(
                        "block_sparse_moe.input_linear.weight",
                        "block_sparse_moe.output_linear.weight"),
                    ExpertLayout.STACKED)
                .shared(
                    GatedNames.halves(
                        "shared_mlp.input_linear.weight", "shared_mlp.output_linear.weight")));
  }

  private static String knownText() {
    return String.join(", ", BY_TYPE.keySet());
  }

  private static NamesBuilder mixtralNames() {
    return new NamesBuilder()
        .gate("block_sparse_moe.gate")
        .experts(GatedNames.of("block_sparse_moe.experts.{expert}", "w1", "w3", "w2"));
  }

  /** Qwen3.5's text models differ in how they are stored. */
  private static ModelFamily.Builder qwen35(
      String modelType, String architecture, NamesBuilder names) {
    return declare(
            modelType,
            architecture,
            norms(1e-6).kind(NormSpec.Kind.RMS_AROUND_ONE),
            qwenGatedAttention(),
            experts("num_experts", "moe_intermediate_size")
                .gate(GateRules.softmax(Normalisation.ALWAYS))
                .shared(new Shared.Sized("shared_expert_intermediate_size", true)))
        .recurrence(Recurrence.DELTA_NET)
        .ignoring("mamba_ssm_dtype", "mtp_num_hidden_layers", "mtp_use_dedicated_embeddings")
        .only("attn_output_gate", "true")
        .only("mlp_only_layers", "[]")
        .names(qwenLinear(names));
  }

  private static NamesBuilder qwenLinear(NamesBuilder names) {
    return names.recurrent("linear_attn").unused("mtp.");
  }

  /** Of the layers without delta nets. */
  private static AttentionRules qwenGatedAttention() {
    return grouped(1e4)
        .part(0.25)
        .qkNorm(QkNorm.PER_HEAD)
        .allBiases(new Flag("attention_bias", false))
        .keys(Keys.ALL_BESIDE_RECURRENT)
        .headDim(256)
        .outputGate()
        .build();
  }

  private static NamesBuilder qwenNames() {
    return qwenNames("model.");
  }

  private static NamesBuilder qwenNames(String root) {
    return new NamesBuilder(root).shared(GatedNames.of("mlp.shared_expert"));
  }
}
