package dev.consilium.model.family;

import static dev.consilium.model.family.AttentionRules.grouped;
import static dev.consilium.model.family.BlockRules.norms;
import static dev.consilium.model.family.FeedForwardRules.experts;
import static dev.consilium.model.family.ModelFamily.declare;

import dev.consilium.model.family.AttentionRules.Keys;
import dev.consilium.model.family.AttentionRules.Scores;
import dev.consilium.model.family.AttentionRules.Turned;
import dev.consilium.model.family.FeedForwardRules.Layers;
import dev.consilium.model.family.FeedForwardRules.Shared;
import dev.consilium.model.family.GateRules.Normalisation;
import dev.consilium.model.family.GateRules.Score;
import dev.consilium.model.family.GateRules.Weight;
import java.util.List;

/** Families whose layers all have grouped-query attention. */
final class GroupedQueryFamilies {

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
          .names(NamesBuilder.blockSparse())
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
          .names(NamesBuilder.blockSparse())
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
          .names(new NamesBuilder().shared(BlockNames.of("mlp.shared_expert")))
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
          .names(
              NamesBuilder.blockSparse().correctionBias("block_sparse_moe.e_score_correction_bias"))
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
                  .shared(BlockNames.of("mlp.shared_mlp")))
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
                      BlockNames.apart(
                          "ffn.experts.mlp.w1", "ffn.experts.mlp.v1", "ffn.experts.mlp.w2"),
                      ExpertLayout.ROWS)
                  .finalNorm("norm_f"))
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
                  .shared(BlockNames.of("mlp.shared_mlp")))
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
                      BlockNames.fused("mlp.experts.gate_up_proj", "mlp.experts.down_proj"),
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
                      BlockNames.fused(
                          "feed_forward.experts.gate_up_proj", "feed_forward.experts.down_proj"),
                      ExpertLayout.TRANSPOSED)
                  .shared(BlockNames.of("feed_forward.shared_expert"))
                  .dense(BlockNames.of("feed_forward")))
          .build();

  /** Of Granite. */
  static final Shared GRANITE_SHARED = new Shared.Sized("shared_intermediate_size", false);

  /** The declarations. */
  static final List<ModelFamily> ALL =
      List.of(
          MIXTRAL,
          PHIMOE,
          QWEN2_MOE,
          QWEN3_MOE,
          OLMOE,
          FLEX_OLMO,
          DOTS1,
          MINIMAX_M2,
          HUNYUAN,
          DBRX,
          GLM4_MOE,
          SOLAR_OPEN,
          EXAONE_MOE,
          HY_V3,
          GPT_OSS,
          ERNIE,
          LLAMA4,
          granite("granitemoe", "GraniteMoeForCausalLM", new Shared.None()).build(),
          granite("granitemoeshared", "GraniteMoeSharedForCausalLM", GRANITE_SHARED).build());

  private GroupedQueryFamilies() {}

  private static ModelFamily.Builder granite(String modelType, String architecture, Shared shared) {
    return granite(
            modelType,
            architecture,
            norms(1e-6).multipliers(),
            grouped(1e4).turned(Turned.ALL),
            shared)
        .only("position_embedding_type", "\"rope\"");
  }

  /** Granite's families of experts; they differ in what is beside experts and attention. */
  static ModelFamily.Builder granite(
      String modelType,
      String architecture,
      BlockRules.Builder blocks,
      AttentionRules.Builder attention,
      Shared shared) {
    return declare(
            modelType,
            architecture,
            blocks,
            attention
                .allBiases(new Flag("attention_bias", false))
                .scores(new Scores("attention_multiplier", false, false))
                .build(),
            experts("num_local_experts", "intermediate_size")
                .gate(GateRules.of(Score.SOFTMAX_OF_CHOSEN))
                .shared(shared))
        .names(
            new NamesBuilder()
                .gate("block_sparse_moe.router.layer")
                .experts(
                    BlockNames.fused(
                        "block_sparse_moe.input_linear.weight",
                        "block_sparse_moe.output_linear.weight"),
                    ExpertLayout.STACKED)
                .shared(
                    BlockNames.halves(
                        "shared_mlp.input_linear.weight", "shared_mlp.output_linear.weight")));
  }
}
