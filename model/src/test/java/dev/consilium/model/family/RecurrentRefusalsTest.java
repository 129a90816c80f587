package dev.consilium.model.family;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Families with recurrent layers name each field that they do not know, that contradicts another or
 * that asks for what they do not do: one field of a good configuration is set to other JSON.
 */
final class RecurrentRefusalsTest {

  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  @ParameterizedTest
  @ValueSource(
      strings = {
        "jamba",
        "lfm2_moe",
        "kimi_linear",
        "qwen3_5_moe_text",
        "minimax",
        "minimax-text-01",
        "granitemoehybrid",
        "nemotron_h"
      })
  void specify_fieldThatNobodyKnows_isRefusedByName(String fixture) throws IOException {
    assertThatCode(() -> ModelFamilies.specify(config(fixture))).doesNotThrowAnyException();
    assertRefused(fixture, "made_up_gain", "1.5", "field made_up_gain (1.5) is not known");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          attn_layer_offset     | 4       | attn_layer_offset is 4, want an integer from 0 to 3
          attn_layer_period     | 0       | attn_layer_period is 0
          expert_layer_offset   | 2       | expert_layer_offset is 2, want an integer from 0 to 1
          mamba_d_conv          | 0       | mamba_d_conv is 0
          mamba_d_state         | 1.5     | mamba_d_state is 1.5
          mamba_dt_rank         | "all"   | mamba_dt_rank is "all"
          mamba_expand          | 65      | mamba_expand is 65
          mamba_inner_layernorms | false  | mamba_inner_layernorms is false, which is not supported
          sliding_window        | 64      | sliding_window is 64, which is not supported
          attention_bias        | true    | attention_bias (true) is not known
          norm_topk_prob        | true    | norm_topk_prob (true) is not known
          hidden_act            | "gelu"  | hidden_act is "gelu"
          num_experts_per_tok   | 9       | num_experts_per_tok is 9, want at most the number of experts
          """)
  void specify_jamba(String field, String json, String message) throws IOException {
    assertRefused("jamba", field, json, message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          layer_types      | null                           | layer_types is null, want conv or full_attention
          layer_types      | ["conv"]                       | layer_types is ["conv"], want 4 entries
          layer_types      | ["conv","conv","conv","mamba"] | want only conv and full_attention
          conv_L_cache     | 1                              | conv_L_cache is 1
          conv_bias        | 1                              | conv_bias is 1, want true or false
          num_dense_layers | 5                              | num_dense_layers is 5
          norm_eps         | 2                              | norm_eps is 2
          rms_norm_eps     | 1e-6                           | rms_norm_eps
          use_expert_bias  | false                          | use_expert_bias is false, which is not supported
          routed_scaling_factor | 0                         | routed_scaling_factor is 0
          """)
  void specify_shortConvolutions(String field, String json, String message) throws IOException {
    assertRefused("lfm2_moe", field, json, message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          linear_attn_config                        | null  | linear_attn_config is null, want an object
          linear_attn_config.kda_layers             | [1,2] | linear_attn_config.kda_layers is [1,2], want layer 3
          linear_attn_config.full_attn_layers       | [3,4] | want layer 3 there or in full_attn_layers
          linear_attn_config.full_attn_layers       | [5]   | linear_attn_config.full_attn_layers is [5]
          linear_attn_config.short_conv_kernel_size | 0     | linear_attn_config.short_conv_kernel_size is 0
          linear_attn_config.num_heads              | null  | field linear_attn_config.num_heads is missing
          linear_attn_config.use_gate               | false | linear_attn_config.use_gate (false) is not known
          mla_use_nope                              | false | mla_use_nope is false, which is not supported
          moe_renormalize                           | false | moe_renormalize is false, which is not supported
          moe_router_activation_func                | "softmax" | moe_router_activation_func is "softmax"
          num_expert_group                          | 2     | num_expert_group is 2, which is not supported
          num_key_value_heads                       | 2     | num_key_value_heads is 2, want 4
          num_experts_per_tok                       | 2     | num_experts_per_tok (2) is not known
          num_shared_experts                        | 1025  | num_shared_experts is 1025
          """)
  void specify_decaysByKeyChannel(String field, String json, String message) throws IOException {
    assertRefused("kimi_linear", field, json, message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          attn_output_gate         | false | attn_output_gate is false, which is not supported
          mlp_only_layers          | [1]   | mlp_only_layers is [1], which is not supported
          linear_num_value_heads   | 3     | linear_num_key_heads is 2, want a divisor of linear_num_value_heads
          full_attention_interval  | 0     | full_attention_interval is 0
          layer_types              | ["full_attention"] | layer_types is ["full_attention"], want 4 entries
          norm_topk_prob           | false | norm_topk_prob (false) is not known
          decoder_sparse_step      | 2     | decoder_sparse_step (2) is not known
          shared_expert_intermediate_size | 0 | shared_expert_intermediate_size is 0
          """)
  void specify_deltaNetsBesideGatedAttention(String field, String json, String message)
      throws IOException {
    assertRefused("qwen3_5_moe_text", field, json, message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          layer_types            | ["linear_attention"] | layer_types is ["linear_attention"], want 4 entries
          attn_type_list         | [0,0,1,0] | attn_type_list ([0,0,1,0]) is not known
          sliding_window         | 64        | sliding_window is 64, which is not supported
          full_attn_alpha_factor | 0         | full_attn_alpha_factor is 0
          mlp_beta_factor        | "1"       | mlp_beta_factor is "1"
          postnorm               | false     | postnorm (false) is not known
          """)
  void specify_lightningAttention(String field, String json, String message) throws IOException {
    assertRefused("minimax", field, json, message);
  }

  @Test
  void specify_sharedExpertsTooWideTogether_areRefusedByName() throws IOException {
    ObjectNode config = config("kimi_linear");
    config.put("num_shared_experts", 1024).put("moe_intermediate_size", 1 << 22);
    assertThatThrownBy(() -> ModelFamilies.specify(config))
        .isInstanceOf(ConfigException.class)
        .hasMessage("num_shared_experts is 1024, want at most 4194304 values in all");
  }

  private static ObjectNode config(String fixture) throws IOException {
    return (ObjectNode) JSON.readTree(Fixtures.model(fixture).resolve("config.json").toFile());
  }

  /**
   * Checks one changed field.
   *
   * @param field may lie in an object: {@code "object.field"}
   */
  private static void assertRefused(String fixture, String field, String json, String message)
      throws IOException {
    ObjectNode config = config(fixture);
    int dot = field.indexOf('.');
    JsonNode holder = dot < 0 ? config : config.get(field.substring(0, dot));
    ((ObjectNode) holder).set(field.substring(dot + 1), JSON.readTree(json));
    assertThatThrownBy(() -> ModelFamilies.specify(config))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(message);
  }
}
