package dev.consilium.model.family;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.testkit.Fixtures;
import java.nio.file.Files;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What configurations of families with recurrent layers mean. */
final class RecurrentFamiliesTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  private static final String QWEN3_NEXT_80B =
      """
      {"architectures": ["Qwen3NextForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
       "bos_token_id": 151643, "decoder_sparse_step": 1, "eos_token_id": 151645, "full_attention_interval": 4,
       "head_dim": 256, "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02,
       "intermediate_size": 5120, "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128,
       "linear_num_key_heads": 16, "linear_num_value_heads": 32, "linear_value_head_dim": 128,
       "max_position_embeddings": 262144, "mlp_only_layers": [], "model_type": "qwen3_next",
       "moe_intermediate_size": 512, "norm_topk_prob": true, "num_attention_heads": 16, "num_experts": 512,
       "num_experts_per_tok": 10, "num_hidden_layers": 48, "num_key_value_heads": 2, "output_router_logits": false,
       "partial_rotary_factor": 0.25, "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 10000000,
       "router_aux_loss_coef": 0.001, "shared_expert_intermediate_size": 512, "tie_word_embeddings": false,
       "torch_dtype": "bfloat16", "transformers_version": "4.57.0.dev0", "use_cache": true,
       "use_sliding_window": false, "vocab_size": 151936}
      """;

  private static final String MINIMAX_TEXT_01 =
      """
      {"architectures": ["MiniMaxText01ForCausalLM"], "attention_dropout": 0.0,
       "attn_type_list": [0, 0, 0, 0, 0, 0, 0, 1], "bos_token_id": null, "eos_token_id": null, "head_dim": 128,
       "hidden_act": "silu", "hidden_size": 6144, "initializer_range": 0.02, "intermediate_size": 9216,
       "layernorm_full_attention_alpha": 3.5, "layernorm_full_attention_beta": 1.5,
       "layernorm_linear_attention_alpha": 2.5, "layernorm_linear_attention_beta": 1.0,
       "layernorm_mlp_alpha": 4.5, "layernorm_mlp_beta": 0.5, "max_position_embeddings": 10240000,
       "model_type": "minimax_text_01", "num_attention_heads": 64, "num_experts_per_tok": 2,
       "num_hidden_layers": 8, "num_key_value_heads": 8, "num_local_experts": 32, "output_router_logits": false,
       "postnorm": true, "rms_norm_eps": 1e-05, "rope_theta": 10000000, "rotary_dim": 64,
       "router_aux_loss_coef": 0.001, "router_jitter_noise": 0.0, "shared_intermediate_size": 0,
       "shared_moe_mode": "sigmoid", "sliding_window": null, "tie_word_embeddings": false,
       "transformers_version": "4.45.2", "use_cache": true, "vocab_size": 200064}
      """;

  @Test
  void specify_qwen3Next_everyFourthLayerAttends() throws Exception {
    ModelSpec spec = ChangedConfig.specify(QWEN3_NEXT_80B, Map.of());
    assertThat(spec.norm().kind()).isEqualTo(NormSpec.Kind.RMS_AROUND_ONE);
    assertThat(spec.layers().get(2).attention()).isEqualTo(new GatedDeltaNet(32, 16, 128, 128, 4));
    GroupedQueryAttention full = (GroupedQueryAttention) spec.layers().get(3).attention();
    assertThat(full.outputGate()).isTrue();
    assertThat(full.projectionWidth()).isEqualTo(2 * 16 * 256 + 2 * 2 * 256);
    assertThat(full.rotary().orElseThrow().rotaryDim()).isEqualTo(64);
    assertThat(spec.layers().stream().filter(RecurrentFamiliesTest::recurrent)).hasSize(36);
  }

  @Test
  void specify_qwen3NextAbsentFields_meanWhatTheReferenceTakes() throws Exception {
    ModelSpec given = ChangedConfig.specify(QWEN3_NEXT_80B, Map.of());
    ModelSpec absent =
        ChangedConfig.specify(
            QWEN3_NEXT_80B,
            Map.of(
                "full_attention_interval", "null",
                "head_dim", "null",
                "linear_conv_kernel_dim", "null",
                "linear_key_head_dim", "null",
                "linear_num_key_heads", "null",
                "linear_num_value_heads", "null",
                "linear_value_head_dim", "null",
                "partial_rotary_factor", "null",
                "rms_norm_eps", "null"));
    assertThat(absent).isEqualTo(given);
  }

  @Test
  void specify_layerTypes_sayWhichLayersAreRecurrent() throws Exception {
    ModelSpec spec =
        ChangedConfig.specify(
            QWEN3_NEXT_80B,
            Map.of(
                "num_hidden_layers", "3",
                "full_attention_interval", "null",
                "layer_types", "[\"full_attention\", \"linear_attention\", \"full_attention\"]"));
    assertThat(spec.layers().stream().map(RecurrentFamiliesTest::recurrent))
        .containsExactly(false, true, false);
  }

  @Test
  void specify_quantisationOutsideTheTextModel_isTheTextModels() throws Exception {
    String fp8 =
        """
        {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [128, 128],
         "modules_to_not_convert": ["model.visual"]}
        """;
    String config = Files.readString(Fixtures.model("qwen3_5_moe").resolve("config.json"));
    ModelSpec plain = ChangedConfig.specify(config, Map.of());
    assertThat(plain.names().storage().experts()).isEqualTo(ExpertLayout.STACKED);
    ModelSpec scaled = ChangedConfig.specify(config, Map.of("quantization_config", fp8));
    assertThat(scaled.names().storage().scales()).contains(new WeightStorage.ScaleBlocks(128, 128));
    assertThat(scaled.names().storage().experts()).isEqualTo(ExpertLayout.ONE_BY_ONE);
    assertThat(scaled.names().feedForward(3).expert(7).up())
        .isEqualTo("model.language_model.layers.3.mlp.experts.7.up_proj.weight");
    assertThat(scaled.names().unused()).containsExactlyInAnyOrderElementsOf(plain.names().unused());
    assertThat(scaled.layers()).isEqualTo(plain.layers());
    ObjectNode text = (ObjectNode) JSON.readTree(config).get("text_config");
    text.set("quantization_config", JSON.readTree(fp8));
    assertThat(ChangedConfig.specify(config, Map.of("text_config", text.toString())))
        .isEqualTo(scaled);
    ChangedConfig.assertRefused(
        config,
        Map.of("text_config", text.toString(), "quantization_config", fp8),
        "text_config.quantization_config",
        "none beside the one outside");
    ChangedConfig.assertRefused(
        config,
        Map.of("quantization_config", "{\"quant_method\": \"awq\"}"),
        "quantization_config.quant_method is \"awq\"");
    ChangedConfig.assertRefused(
        config,
        Map.of("quantization_config", fp8.replace("\"fmt\"", "\"zero_point\": 1, \"fmt\"")),
        "quantization_config.zero_point (1)");
  }

  @Test
  void specify_minimaxAsPublished_isReadByItsOwnNames() throws Exception {
    ModelSpec spec = ChangedConfig.specify(MINIMAX_TEXT_01, Map.of());
    assertThat(spec.layers().stream().map(RecurrentFamiliesTest::recurrent))
        .containsExactly(true, true, true, true, true, true, true, false);
    double slope = 1 - 2 / (7 + 1e-5) + 1e-5;
    assertThat(spec.layers().get(2).attention())
        .isEqualTo(new LightningAttention(64, 128, slope, 1e-6f));
    GroupedQueryAttention full = (GroupedQueryAttention) spec.layers().get(7).attention();
    assertThat(full.rotary().orElseThrow().rotaryDim()).isEqualTo(64);
    assertThat(spec.norm().place()).isEqualTo(NormSpec.Place.ON_STREAM);
    assertThat(spec.layers().get(2).attentionResidual()).isEqualTo(new ResidualFactors(2.5f, 1));
    assertThat(spec.layers().get(7).attentionResidual()).isEqualTo(new ResidualFactors(3.5f, 1.5f));
    assertThat(spec.layers().get(7).feedForwardResidual())
        .isEqualTo(new ResidualFactors(4.5f, 0.5f));
    Map<String, String> m1 =
        Map.of("model_type", "\"minimax_m1\"", "architectures", "[\"MiniMaxM1ForCausalLM\"]");
    assertThat(ChangedConfig.specify(MINIMAX_TEXT_01, m1).layers()).isEqualTo(spec.layers());
  }

  @Test
  void specify_minimaxContradictions_areRefusedByTheirOwnNames() {
    ChangedConfig.assertRefused(
        MINIMAX_TEXT_01,
        Map.of("attn_type_list", "[0, 1]"),
        "attn_type_list is [0,1], want 8 entries");
    ChangedConfig.assertRefused(
        MINIMAX_TEXT_01, Map.of("attn_type_list", "null"), "attn_type_list");
    ChangedConfig.assertRefused(
        MINIMAX_TEXT_01, Map.of("attn_type_list", "[0,0,0,0,0,0,0,2]"), "attn_type_list");
    ChangedConfig.assertRefused(MINIMAX_TEXT_01, Map.of("postnorm", "false"), "postnorm is false");
    ChangedConfig.assertRefused(
        MINIMAX_TEXT_01, Map.of("shared_intermediate_size", "128"), "shared_intermediate_size");
    ChangedConfig.assertRefused(
        MINIMAX_TEXT_01,
        Map.of("layernorm_mlp_alpha", "0"),
        "layernorm_mlp_alpha is 0, want a number");
    ChangedConfig.assertRefused(
        MINIMAX_TEXT_01, Map.of("mlp_alpha_factor", "2"), "field mlp_alpha_factor (2)");
    ChangedConfig.assertRefused(
        MINIMAX_TEXT_01, Map.of("layer_types", "[]"), "field layer_types ([])");
  }

  @Test
  void specify_contradictions_areRefusedByName() {
    assertRefused(Map.of("layer_types", "[\"full_attention\"]"), "layer_types", "48 entries");
    assertRefused(
        Map.of("num_hidden_layers", "1", "layer_types", "[\"mamba\"]"),
        "layer_types",
        "only linear_attention and full_attention");
    assertRefused(Map.of("linear_num_key_heads", "5"), "linear_num_key_heads is 5", "divisor");
    assertRefused(Map.of("linear_conv_kernel_dim", "0"), "linear_conv_kernel_dim is 0");
    assertRefused(Map.of("linear_key_head_dim", "1e9"), "linear_key_head_dim");
    assertRefused(Map.of("use_sliding_window", "true"), "use_sliding_window is true");
    assertRefused(Map.of("linear_something", "1"), "linear_something", "not known");
  }

  private static boolean recurrent(LayerSpec layer) {
    return layer.attention() instanceof RecurrentAttention;
  }

  private static void assertRefused(Map<String, String> changes, String... parts) {
    ChangedConfig.assertRefused(QWEN3_NEXT_80B, changes, parts);
  }
}
