package dev.consilium.model.family;

import static dev.consilium.model.family.ChangedConfig.assertRefused;
import static dev.consilium.model.family.ChangedConfig.specify;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What the configurations of published models mean, and what a change of one field does. */
final class ModelFamiliesTest {

  private static final String MIXTRAL_8X7B =
      """
      {"architectures": ["MixtralForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2,
       "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 14336,
       "max_position_embeddings": 32768, "model_type": "mixtral", "num_attention_heads": 32, "num_experts_per_tok": 2,
       "num_hidden_layers": 32, "num_key_value_heads": 8, "num_local_experts": 8, "output_router_logits": false,
       "rms_norm_eps": 1e-05, "rope_theta": 1000000.0, "router_aux_loss_coef": 0.02, "sliding_window": null,
       "tie_word_embeddings": false, "torch_dtype": "bfloat16", "transformers_version": "4.36.0.dev0",
       "use_cache": true, "vocab_size": 32000}
      """;

  private static final String QWEN15_MOE =
      """
      {"architectures": ["Qwen2MoeForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643,
       "eos_token_id": 151643, "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02,
       "intermediate_size": 5632, "max_position_embeddings": 8192, "max_window_layers": 21, "model_type": "qwen2_moe",
       "num_attention_heads": 16, "num_hidden_layers": 24, "num_key_value_heads": 16, "rms_norm_eps": 1e-06,
       "rope_theta": 1000000.0, "sliding_window": 32768, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
       "transformers_version": "4.39.0.dev0", "use_cache": true, "use_sliding_window": false, "vocab_size": 151936,
       "decoder_sparse_step": 1, "moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632,
       "num_experts_per_tok": 4, "num_experts": 60, "norm_topk_prob": false, "output_router_logits": false,
       "router_aux_loss_coef": 0.001}
      """;

  private static final String QWEN3_30B =
      """
      {"architectures": ["Qwen3MoeForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
       "bos_token_id": 151643, "decoder_sparse_step": 1, "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu",
       "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 6144, "max_position_embeddings": 40960,
       "max_window_layers": 48, "mlp_only_layers": [], "model_type": "qwen3_moe", "moe_intermediate_size": 768,
       "norm_topk_prob": true, "num_attention_heads": 32, "num_experts": 128, "num_experts_per_tok": 8,
       "num_hidden_layers": 48, "num_key_value_heads": 4, "output_router_logits": false, "rms_norm_eps": 1e-06,
       "rope_scaling": null, "rope_theta": 1000000.0, "router_aux_loss_coef": 0.001, "sliding_window": null,
       "tie_word_embeddings": false, "torch_dtype": "bfloat16", "transformers_version": "4.51.0", "use_cache": true,
       "use_sliding_window": false, "vocab_size": 151936}
      """;

  private static final String OLMOE =
      """
      {"architectures": ["OlmoeForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "clip_qkv": null,
       "eos_token_id": 50279, "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02,
       "intermediate_size": 1024, "max_position_embeddings": 4096, "model_type": "olmoe", "norm_topk_prob": false,
       "num_attention_heads": 16, "num_experts": 64, "num_experts_per_tok": 8, "num_hidden_layers": 16,
       "num_key_value_heads": 16, "output_router_logits": false, "pad_token_id": 1, "rope_scaling": null,
       "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "router_aux_loss_coef": 0.01, "tie_word_embeddings": false,
       "torch_dtype": "bfloat16", "transformers_version": "4.43.0.dev0", "use_cache": true, "vocab_size": 50304}
      """;

  private static final String DEEPSEEK_V2_LITE =
      """
      {"architectures": ["DeepseekV2ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
       "aux_loss_alpha": 0.001, "bos_token_id": 100000, "eos_token_id": 100001, "first_k_dense_replace": 1,
       "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 10944,
       "kv_lora_rank": 512, "max_position_embeddings": 163840, "model_type": "deepseek_v2",
       "moe_intermediate_size": 1408, "moe_layer_freq": 1, "n_group": 1, "n_routed_experts": 64, "n_shared_experts": 2,
       "norm_topk_prob": false, "num_attention_heads": 16, "num_experts_per_tok": 6, "num_hidden_layers": 27,
       "num_key_value_heads": 16, "pretraining_tp": 1, "q_lora_rank": null, "qk_nope_head_dim": 128,
       "qk_rope_head_dim": 64, "rms_norm_eps": 1e-06, "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40,
       "mscale": 0.707, "mscale_all_dim": 0.707, "original_max_position_embeddings": 4096, "type": "yarn"},
       "rope_theta": 10000, "routed_scaling_factor": 1.0, "scoring_func": "softmax", "seq_aux": true,
       "tie_word_embeddings": false, "topk_group": 1, "topk_method": "greedy", "torch_dtype": "bfloat16",
       "transformers_version": "4.33.1", "use_cache": true, "v_head_dim": 128, "vocab_size": 102400}
      """;

  private static final String DEEPSEEK_V3 =
      """
      {"architectures": ["DeepseekV3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 0,
       "eos_token_id": 1, "ep_size": 1, "first_k_dense_replace": 3, "hidden_act": "silu", "hidden_size": 7168,
       "initializer_range": 0.02, "intermediate_size": 18432, "kv_lora_rank": 512, "max_position_embeddings": 163840,
       "model_type": "deepseek_v3", "moe_intermediate_size": 2048, "moe_layer_freq": 1, "n_group": 8,
       "n_routed_experts": 256, "n_shared_experts": 1, "norm_topk_prob": true, "num_attention_heads": 128,
       "num_experts_per_tok": 8, "num_hidden_layers": 61, "num_key_value_heads": 128, "num_nextn_predict_layers": 1,
       "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "quantization_config":
       {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [128, 128]},
       "rms_norm_eps": 1e-06, "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 1.0,
       "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096, "type": "yarn"}, "rope_theta": 10000,
       "routed_scaling_factor": 2.5, "scoring_func": "sigmoid", "tie_word_embeddings": false, "topk_group": 4,
       "topk_method": "noaux_tc", "torch_dtype": "bfloat16", "transformers_version": "4.33.1", "use_cache": true,
       "v_head_dim": 128, "vocab_size": 129280}
      """;

  @Test
  void known_families_areSorted() {
    assertThat(ModelFamilies.known())
        .contains("mixtral", "olmoe", "qwen2_moe", "qwen3_moe")
        .isSorted();
  }

  @Test
  void specify_publishedConfigurations_areAccepted() {
    assertThat(specify(MIXTRAL_8X7B, Map.of()).contextLength()).isEqualTo(32768);
    assertThat(specify(QWEN15_MOE, Map.of()).layers()).hasSize(24);
    assertThat(specify(QWEN3_30B, Map.of()).tokens().endOfText()).containsExactly(151645);
    assertThat(specify(OLMOE, Map.of()).hiddenSize()).isEqualTo(2048);
  }

  @Test
  void specify_deepseekV2Lite_hasLatentAttentionWithTheFactorOfYarnInItsScale() {
    ModelSpec spec = specify(DEEPSEEK_V2_LITE, Map.of());
    LatentAttention attention = (LatentAttention) spec.layers().getFirst().attention();
    assertThat(attention.queryRank()).isEmpty();
    assertThat(attention.cacheWidth()).isEqualTo(576);
    assertThat(attention.rotary().orElseThrow().pairing()).isEqualTo(RotaryPairing.NEIGHBOURS);
    double magnitude = 0.1 * 0.707 * Math.log(40) + 1;
    assertThat(attention.scale())
        .isCloseTo((float) (magnitude * magnitude / Math.sqrt(192)), within(1e-7f));
    assertThat(((YarnScaling) attention.rotary().orElseThrow().scaling()).attentionFactor())
        .isEqualTo(1);
    assertThat(spec.layers().get(0).feedForward()).isEqualTo(new DenseFeedForward(10944));
    assertThat(spec.layers().get(1).feedForward())
        .isEqualTo(
            new MixtureOfExperts(
                new GateSpec(64, 6, new GateScore.SoftmaxOfAll(), new GateRenormalisation.None()),
                1408,
                new SharedExpert(2816, false)));
  }

  @Test
  void specify_deepseekV3_choosesInGroupsByBiasedScores() {
    ModelSpec spec = specify(DEEPSEEK_V3, Map.of());
    assertThat(spec.expertLayers()).hasSize(58);
    assertThat(spec.predictionLayers()).isEqualTo(1);
    assertThat(spec.names().storage().scales()).hasValue(new WeightStorage.ScaleBlocks(128, 128));
    assertThat(((MixtureOfExperts) spec.layers().get(3).feedForward()).gate())
        .isEqualTo(
            new GateSpec(
                256,
                8,
                false,
                new GateScore.Sigmoid(),
                new GateSelection(
                    true,
                    Optional.of(new ExpertGroups(8, 4, ExpertGroups.GroupScore.SUM_OF_TOP_TWO))),
                new GateWeighting(new GateRenormalisation.BySum(1e-20f, 0), 2.5f)));
  }

  @Test
  void specify_deepseekFieldsThatContradict_areRefused() {
    assertRefused(DEEPSEEK_V3, Map.of("n_group", "7"), "n_group is 7, want a divisor of the 256");
    assertRefused(DEEPSEEK_V3, Map.of("n_group", "256"), "n_group is 256");
    assertRefused(DEEPSEEK_V3, Map.of("topk_group", "9"), "topk_group is 9");
    assertRefused(DEEPSEEK_V3, Map.of("scoring_func", "\"softmax\""), "scoring_func is");
    assertRefused(DEEPSEEK_V3, Map.of("moe_layer_freq", "2"), "moe_layer_freq is 2");
    assertRefused(DEEPSEEK_V3, Map.of("head_dim", "128"), "head_dim is 128, want 64");
    assertRefused(DEEPSEEK_V3, Map.of("num_key_value_heads", "8"), "num_key_value_heads is 8");
    assertRefused(DEEPSEEK_V3, Map.of("qk_rope_head_dim", "63"), "qk_rope_head_dim is 63");
    assertRefused(
        DEEPSEEK_V3, Map.of("routed_scaling_factor", "-1"), "routed_scaling_factor is -1");
    assertRefused(DEEPSEEK_V2_LITE, Map.of("norm_topk_prob", "true"), "norm_topk_prob is true");
    assertRefused(DEEPSEEK_V2_LITE, Map.of("topk_method", "\"noaux_tc\""), "topk_method is");
  }

  @Test
  void specify_storageThatIsNotKnown_isRefused() {
    assertRefused(
        DEEPSEEK_V3,
        Map.of("quantization_config", "{\"quant_method\": \"awq\", \"bits\": 4}"),
        "quantization_config.quant_method is \"awq\", want \"fp8\" or \"mxfp4\"");
    assertRefused(
        DEEPSEEK_V3,
        Map.of("quantization_config", "{\"quant_method\": \"mxfp4\"}"),
        "none with quant_method mxfp4 for this family");
    assertRefused(
        DEEPSEEK_V3,
        Map.of("quantization_config", "{\"quant_method\": \"fp8\", \"fmt\": \"e4m3\"}"),
        "weight_block_size");
    assertRefused(
        DEEPSEEK_V3,
        Map.of(
            "quantization_config",
            "{\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128], \"x\": 1}"),
        "field quantization_config.x (1) is not known");
  }

  @Test
  void specify_fieldsOfQwen3Coder_areNeutral() {
    Map<String, String> coder =
        Map.of("use_qk_norm", "true", "qkv_bias", "false", "shared_expert_intermediate_size", "0");
    assertThat(specify(QWEN3_30B, coder)).isEqualTo(specify(QWEN3_30B, Map.of()));
    assertRefused(
        QWEN3_30B,
        Map.of("use_qk_norm", "false"),
        "use_qk_norm is false, which is not supported; supported is true");
    assertRefused(
        QWEN3_30B,
        Map.of("shared_expert_intermediate_size", "64"),
        "shared_expert_intermediate_size is 64");
  }

  @Test
  void specify_absentFields_meanWhatTheReferenceTakes() {
    Map<String, String> absent =
        Map.of(
            "rms_norm_eps",
            "null",
            "rope_theta",
            "null",
            "tie_word_embeddings",
            "null",
            "hidden_act",
            "null");
    ModelSpec mixtral = specify(MIXTRAL_8X7B, absent);
    assertThat(mixtral.normEpsilon()).isEqualTo(1e-5f);
    assertThat(attention(mixtral, 0).rotary().orElseThrow().theta()).isEqualTo(1e6);
    ModelSpec qwen = specify(QWEN3_30B, absent);
    assertThat(qwen.normEpsilon()).isEqualTo(1e-6f);
    assertThat(attention(qwen, 0).rotary().orElseThrow().theta()).isEqualTo(1e4);
    assertThat(qwen.tiedEmbeddings()).isFalse();
    assertThat(
            gate(specify(QWEN3_30B, Map.of("norm_topk_prob", "null")))
                .weighting()
                .renormalisation())
        .isEqualTo(new GateRenormalisation.None());
    assertThat(attention(specify(QWEN15_MOE, Map.of("qkv_bias", "null")), 0).queryKeyValueBias())
        .isTrue();
    assertThat(attention(specify(OLMOE, Map.of("num_key_value_heads", "null")), 0).kvHeads())
        .isEqualTo(16);
    assertThat(attention(specify(QWEN3_30B, Map.of("head_dim", "null")), 0).headDim())
        .isEqualTo(64);
  }

  /** The references divide by the root of whatever they find. */
  @Test
  void specify_normEpsilon_isFrom0To1() {
    for (String wrong : List.of("-1e-6", "-1", "1.5", "1e30")) {
      assertRefused(
          QWEN3_30B,
          Map.of("rms_norm_eps", wrong),
          "rms_norm_eps is ",
          "want a number from 0 to 1");
    }
    for (String wrong : List.of("1e999", "-1e999", "\"1e-6\"", "true", "[1e-6]")) {
      assertRefused(
          QWEN3_30B, Map.of("rms_norm_eps", wrong), "rms_norm_eps is ", "want a finite number");
    }
    assertThat(specify(QWEN3_30B, Map.of("rms_norm_eps", "0")).normEpsilon()).isZero();
  }

  @Test
  void specify_biases_followTheFamilysField() {
    assertThat(attention(specify(QWEN15_MOE, Map.of("qkv_bias", "false")), 0).queryKeyValueBias())
        .isFalse();
    GroupedQueryAttention all = attention(specify(QWEN3_30B, Map.of("attention_bias", "true")), 0);
    assertThat(all.queryKeyValueBias()).isTrue();
    assertThat(all.outputBias()).isTrue();
    assertThat(attention(specify(QWEN15_MOE, Map.of()), 0).outputBias()).isFalse();
  }

  @Test
  void specify_renormalisation_followsTheField() {
    assertThat(gate(specify(MIXTRAL_8X7B, Map.of())).weighting().renormalisation())
        .isEqualTo(new GateRenormalisation.BySum());
    assertThat(gate(specify(OLMOE, Map.of("norm_topk_prob", "true"))).weighting().renormalisation())
        .isEqualTo(new GateRenormalisation.BySum());
    assertThat(gate(specify(OLMOE, Map.of())).weighting().renormalisation())
        .isEqualTo(new GateRenormalisation.None());
  }

  @Test
  void specify_sparseStepAndDenseLayers_alternateFeedForwards() {
    ModelSpec spec =
        specify(
            QWEN3_30B,
            Map.of("num_hidden_layers", "6", "decoder_sparse_step", "2", "mlp_only_layers", "[3]"));
    assertThat(spec.expertLayers()).extracting(LayerSpec::index).containsExactly(1, 5);
    assertThat(spec.layers().get(3).feedForward()).isEqualTo(new DenseFeedForward(6144));
    assertRefused(
        QWEN3_30B,
        Map.of("mlp_only_layers", "[48]"),
        "mlp_only_layers is [48], want an integer from 0 to 47");
    assertRefused(QWEN3_30B, Map.of("decoder_sparse_step", "0"), "decoder_sparse_step is 0");
  }

  @Test
  void specify_slidingWindowOfQwen3_isInEveryLayerWhenEnabled() {
    Map<String, String> window = Map.of("use_sliding_window", "true", "sliding_window", "4096");
    assertThat(specify(QWEN3_30B, window).layers())
        .allSatisfy(layer ->
            assertThat(((GroupedQueryAttention) layer.attention()).slidingWindow()).hasValue(4096));
    assertThat(attention(specify(QWEN3_30B, Map.of("sliding_window", "4096")), 0).slidingWindow())
        .isEmpty();
    assertRefused(
        QWEN3_30B, Map.of("use_sliding_window", "true"), "sliding_window is null, want at least 1");
  }

  @Test
  void specify_slidingWindowOfQwen2_followsLayerTypesOnly() {
    Map<String, String> listed =
        Map.of(
            "num_hidden_layers", "3",
            "use_sliding_window", "true",
            "layer_types", "[\"full_attention\",\"sliding_attention\",\"full_attention\"]");
    ModelSpec spec = specify(QWEN15_MOE, listed);
    assertThat(attention(spec, 0).slidingWindow()).isEmpty();
    assertThat(attention(spec, 1).slidingWindow()).hasValue(32768);
    assertRefused(
        QWEN15_MOE,
        Map.of("use_sliding_window", "true"),
        "use_sliding_window is true, want false, or a field layer_types");
    assertRefused(
        QWEN15_MOE,
        Map.of("num_hidden_layers", "1", "layer_types", "[\"sliding_attention\"]"),
        "want full_attention for layer 0");
  }

  @Test
  void specify_slidingWindowOfOlmoe_isRefused() {
    assertRefused(OLMOE, Map.of("sliding_window", "512"), "sliding_window is 512, want none");
  }

  @Test
  void specify_yarnInEitherForm_isTheSame() {
    String yarn =
        "\"factor\":4.0,\"original_max_position_embeddings\":32768,\"beta_fast\":0,\"beta_slow\":null}";
    ModelSpec current =
        specify(QWEN3_30B, Map.of("rope_scaling", "{\"rope_type\":\"yarn\"," + yarn));
    ModelSpec legacy = specify(QWEN3_30B, Map.of("rope_scaling", "{\"type\":\"yarn\"," + yarn));
    ModelSpec newest =
        specify(
            QWEN3_30B,
            Map.of(
                "rope_theta",
                "null",
                "rope_parameters",
                "{\"rope_type\":\"yarn\",\"rope_theta\":1000000," + yarn));
    assertThat(legacy).isEqualTo(current);
    assertThat(newest).isEqualTo(current);
    assertThat(current.contextLength()).isEqualTo(131072);
    assertThat(attention(current, 0).rotary().orElseThrow().scaling())
        .isEqualTo(new YarnScaling(4, 32768, 32, 1, true, 0.1 * StrictMath.log(4) + 1));
  }

  @Test
  void specify_yarnWithoutOriginalContext_takesTheStatedOne() {
    assertThat(
            yarn(
                "{\"rope_type\":\"yarn\",\"factor\":2,\"truncate\":false,\"beta_fast\":64,\"beta_slow\":2}"))
        .isEqualTo(new YarnScaling(2, 40960, 64, 2, false, 0.1 * StrictMath.log(2) + 1));
  }

  @Test
  void specify_yarnWithoutFactor_takesTheRatioOfTheContexts() {
    YarnScaling scaling =
        yarn("{\"rope_type\":\"yarn\",\"original_max_position_embeddings\":10240}");
    assertThat(scaling.factor()).isEqualTo(4);
  }

  @Test
  void specify_yarnAttentionFactor_isStatedOrFromTheMscales() {
    String start = "{\"rope_type\":\"yarn\",\"factor\":40,";
    assertThat(
            yarn(start + "\"attention_factor\":0.75,\"mscale\":1,\"mscale_all_dim\":2}")
                .attentionFactor())
        .isEqualTo(0.75);
    assertThat(yarn(start + "\"mscale\":1.0,\"mscale_all_dim\":1.0}").attentionFactor())
        .isEqualTo(1);
    assertThat(yarn(start + "\"mscale\":0.707,\"mscale_all_dim\":0}").attentionFactor())
        .isCloseTo(1.3688879454113936, within(1e-15));
    assertThat(yarn(start + "\"mscale\":1.0,\"mscale_all_dim\":0.5}").attentionFactor())
        .isCloseTo(1.3688879454113936 / 1.1844439727056968, within(1e-15));
    assertThat(yarn("{\"rope_type\":\"yarn\",\"factor\":1,\"mscale\":0.3}").attentionFactor())
        .isEqualTo(1);
  }

  @Test
  void specify_partialRotation_turnsTheFirstValues() {
    assertThat(
            attention(specify(QWEN3_30B, Map.of("partial_rotary_factor", "0.25")), 0)
                .rotary()
                .orElseThrow()
                .rotaryDim())
        .isEqualTo(32);
  }

  @Test
  void specify_clippingOrOtherHeadSizeOfOlmoe_isRefused() {
    assertRefused(
        OLMOE,
        Map.of("clip_qkv", "8.0"),
        "clip_qkv is 8.0, which is not supported; supported is null");
    assertRefused(
        OLMOE, Map.of("head_dim", "64"), "head_dim is 64, want hidden_size / num_attention_heads");
    assertThat(specify(OLMOE, Map.of("head_dim", "128"))).isEqualTo(specify(OLMOE, Map.of()));
  }

  @Test
  void specify_otherNameOfTheClass_isThatFamily() {
    String phi =
        """
        {"model_type": "phimoe", "architectures": ["PhiMoEForCausalLM"], "hidden_size": 64, "vocab_size": 320,
         "num_hidden_layers": 2, "max_position_embeddings": 512, "num_attention_heads": 4, "num_local_experts": 8,
         "num_experts_per_tok": 2, "intermediate_size": 64}
        """;
    assertThat(specify(phi, Map.of()).architecture()).isEqualTo("PhimoeForCausalLM");
    assertRefused(
        phi, Map.of("architectures", "[\"PhiForCausalLM\"]"), "want [\"PhimoeForCausalLM\"]");
  }

  @Test
  void specify_useBias_putsBiasesBesideAllMatricesButTheGates() {
    String ernie =
        """
        {"model_type": "ernie4_5_moe", "architectures": ["Ernie4_5_MoeForCausalLM"], "hidden_size": 64,
         "vocab_size": 320, "num_hidden_layers": 2, "max_position_embeddings": 512, "num_attention_heads": 4,
         "moe_num_experts": 8, "moe_k": 2, "moe_intermediate_size": 24, "intermediate_size": 48,
         "moe_num_shared_experts": 2, "use_bias": true}
        """;
    ModelSpec with = specify(ernie, Map.of());
    assertThat(with.headBias()).isTrue();
    assertThat(attention(with, 0).projections())
        .isEqualTo(new AttentionProjections(true, true, AttentionProjections.UNCLIPPED, false));
    assertThat(with.layers().get(0).feedForward())
        .isEqualTo(new DenseFeedForward(48, new BlockBody(new Activation.SwiGlu(), true)));
    MixtureOfExperts experts = (MixtureOfExperts) with.layers().get(1).feedForward();
    assertThat(experts.gate().bias()).isFalse();
    assertThat(experts.body().biases()).isTrue();
    assertThat(experts.shared())
        .isEqualTo(new SharedExpert(48, false, new BlockBody(new Activation.SwiGlu(), true)));
    ModelSpec without = specify(ernie, Map.of("use_bias", "null"));
    assertThat(without.headBias()).isFalse();
    assertThat(attention(without, 0).projections()).isEqualTo(AttentionProjections.PLAIN);
    assertThat(without.layers().get(0).feedForward()).isEqualTo(new DenseFeedForward(48));
    assertRefused(ernie, Map.of("use_bias", "1"), "use_bias is 1, want true or false");
    assertRefused(ernie, Map.of("moe_gate_bias", "true"), "field moe_gate_bias (true)");
  }

  @Test
  void specify_unknownField_isRefusedByName() {
    assertRefused(
        MIXTRAL_8X7B,
        Map.of("attention_sink_size", "4"),
        "field attention_sink_size (4) is not known; it may change the result");
  }

  @Test
  void names_ofALayer_areThoseOfPublishedCheckpoints() {
    WeightNames mixtral = specify(MIXTRAL_8X7B, Map.of()).names();
    assertThat(mixtral.feedForward(31).expert(7))
        .isEqualTo(
            new BlockNames(
                "model.layers.31.block_sparse_moe.experts.7.w1.weight",
                "model.layers.31.block_sparse_moe.experts.7.w3.weight",
                "model.layers.31.block_sparse_moe.experts.7.w2.weight"));
    WeightNames qwen = specify(QWEN15_MOE, Map.of()).names();
    assertThat(qwen.attention(5).query().bias()).isEqualTo("model.layers.5.self_attn.q_proj.bias");
    assertThat(qwen.feedForward(5).shared().down())
        .isEqualTo("model.layers.5.mlp.shared_expert.down_proj.weight");
    assertThat(qwen.feedForward(5).sharedGate())
        .isEqualTo("model.layers.5.mlp.shared_expert_gate.weight");
  }

  private static YarnScaling yarn(String ropeScaling) {
    return (YarnScaling)
        attention(specify(QWEN3_30B, Map.of("rope_scaling", ropeScaling)), 0)
            .rotary()
            .orElseThrow()
            .scaling();
  }

  private static GroupedQueryAttention attention(ModelSpec spec, int layer) {
    return (GroupedQueryAttention) spec.layers().get(layer).attention();
  }

  private static GateSpec gate(ModelSpec spec) {
    return ((MixtureOfExperts) spec.layers().getFirst().feedForward()).gate();
  }
}
