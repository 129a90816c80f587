package dev.consilium.model.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
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

  @Test
  void specify_qwen3Next_everyFourthLayerAttends() throws Exception {
    ModelSpec spec = specify(QWEN3_NEXT_80B, Map.of());
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
    ModelSpec given = specify(QWEN3_NEXT_80B, Map.of());
    ModelSpec absent =
        specify(
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
        specify(
            QWEN3_NEXT_80B,
            Map.of(
                "num_hidden_layers", "3",
                "full_attention_interval", "null",
                "layer_types", "[\"full_attention\", \"linear_attention\", \"full_attention\"]"));
    assertThat(spec.layers().stream().map(RecurrentFamiliesTest::recurrent))
        .containsExactly(false, true, false);
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
    assertThatThrownBy(() -> specify(QWEN3_NEXT_80B, changes))
        .isInstanceOf(ConfigException.class)
        .hasMessageContainingAll(parts);
  }

  /** A configuration with some fields set to other JSON. */
  private static ModelSpec specify(String config, Map<String, String> changes)
      throws JsonProcessingException {
    ObjectNode tree = (ObjectNode) JSON.readTree(config);
    for (Map.Entry<String, String> change : changes.entrySet()) {
      tree.set(change.getKey(), JSON.readTree(change.getValue()));
    }
    return ModelFamilies.specify(tree);
  }
}
