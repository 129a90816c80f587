package dev.consilium.model.family;

import static dev.consilium.model.family.BlockRules.norms;
import static dev.consilium.model.family.FeedForwardRules.experts;
import static dev.consilium.model.family.ModelFamily.declare;

import dev.consilium.model.family.FeedForwardRules.Layers;
import dev.consilium.model.family.FeedForwardRules.Shared;
import dev.consilium.model.family.GateRules.Groups;
import dev.consilium.model.family.GateRules.Normalisation;
import dev.consilium.model.family.GateRules.Score;
import dev.consilium.model.family.GateRules.Weight;
import java.util.List;

/** Families whose layers all have latent attention. */
final class LatentFamilies {

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
                  .shared(BlockNames.of("mlps." + WeightNames.HALF))
                  .dense(BlockNames.of("mlps." + WeightNames.HALF))
                  .unused("model.mtp."))
          .build();

  /** The declarations. */
  static final List<ModelFamily> ALL =
      List.of(
          DEEPSEEK_V2,
          deepseekV3("deepseek_v3"),
          deepseekV3("kimi_k2"),
          GLM4_MOE_LITE,
          LONGCAT_FLASH);

  private LatentFamilies() {}

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
}
