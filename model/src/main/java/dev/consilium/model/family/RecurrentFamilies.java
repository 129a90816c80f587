package dev.consilium.model.family;

import static dev.consilium.model.family.AttentionRules.grouped;
import static dev.consilium.model.family.BlockRules.norms;
import static dev.consilium.model.family.FeedForwardRules.experts;
import static dev.consilium.model.family.ModelFamily.declare;

import dev.consilium.model.family.AttentionRules.Keys;
import dev.consilium.model.family.AttentionRules.Turned;
import dev.consilium.model.family.FeedForwardRules.Layers;
import dev.consilium.model.family.FeedForwardRules.Shared;
import dev.consilium.model.family.GateRules.Normalisation;
import dev.consilium.model.family.GateRules.Score;
import dev.consilium.model.family.GateRules.Weight;
import dev.consilium.model.family.RecurrentNames.Part;
import java.util.List;

/** Families with recurrent layers, most of them beside layers that attend. */
final class RecurrentFamilies {

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
                  .experts(BlockNames.of("feed_forward.experts.{expert}", "w1", "w3", "w2"))
                  .dense(BlockNames.of("feed_forward", "w1", "w3", "w2"))
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
                  .experts(BlockNames.of("feed_forward.experts.{expert}"))
                  .dense(BlockNames.of("feed_forward"))
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
          .recurrence(Recurrence.CHANNEL_DELTA_NET)
          .only("mla_use_nope", "true")
          .only("moe_layer_freq", "1")
          .only("moe_renormalize", "true")
          .only("moe_router_activation_func", "\"sigmoid\"")
          .only("num_expert_group", "1")
          .only("topk_group", "1")
          .only("use_grouped_topk", "true")
          .names(
              NamesBuilder.blockSparse()
                  .shared(BlockNames.of("block_sparse_moe.shared_experts"))
                  .recurrent("self_attn")
                  .recurrent(Part.STRENGTH, "b_proj.weight")
                  .recurrent(Part.NORM, "o_norm.weight")
                  .recurrent(Part.OUTPUT, "o_proj.weight"))
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
                  .experts(BlockNames.of("mixer.experts.{expert}"))
                  .shared(BlockNames.of("mixer.shared_experts"))
                  .dense(BlockNames.of("mixer"))
                  .narrow("mixer.fc1_latent_proj", "mixer.fc2_latent_proj")
                  .recurrent("mixer")
                  .finalNorm("norm_f")
                  .unused("mtp."))
          .build();

  /** The declarations. */
  static final List<ModelFamily> ALL =
      List.of(
          QWEN3_NEXT,
          LFM2_MOE,
          JAMBA,
          KIMI_LINEAR,
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
                          BlockNames.fused("mlp.experts.gate_up_proj", "mlp.experts.down_proj"),
                          ExpertLayout.STACKED)
                      .unused("model.visual."))
              .scaledNames(qwenLinear(qwenNames("model.language_model.")).unused("model.visual."))
              .section("text_config")
              .only("model_type", "\"qwen3_5_moe_text\"")
              .build(),
          GroupedQueryFamilies.granite(
                  "granitemoehybrid",
                  "GraniteMoeHybridForCausalLM",
                  norms(1e-6).multipliers().tied(),
                  grouped(1e4).turned(Turned.ALL_IF_NAMED).keys(Keys.ALL_BESIDE_RECURRENT),
                  GroupedQueryFamilies.GRANITE_SHARED)
              .recurrence(Recurrence.MAMBA2)
              .ignoring("init_method")
              .only("normalization_function", "\"rmsnorm\"")
              .only("mamba_proj_bias", "false")
              .build());

  private RecurrentFamilies() {}

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
            NamesBuilder.blockSparse()
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
    return new NamesBuilder(root).shared(BlockNames.of("mlp.shared_expert"));
  }
}
