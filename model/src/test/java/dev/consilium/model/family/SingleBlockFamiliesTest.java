package dev.consilium.model.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What configurations of families mean whose layers are one block each. */
final class SingleBlockFamiliesTest {

  private static final String NEMOTRON_3 =
      """
      {"architectures": ["NemotronHForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
       "bos_token_id": 1, "chunk_size": 128, "conv_kernel": 4, "eos_token_id": 2, "expand": 2, "head_dim": 128,
       "hidden_dropout": 0.0, "hidden_size": 2688, "hybrid_override_pattern": "MEM*E-", "intermediate_size": 1856,
       "initializer_range": 0.02, "layer_norm_epsilon": 1e-05, "mamba_head_dim": 64, "mamba_hidden_act": "silu",
       "mamba_num_heads": 64, "mamba_proj_bias": false, "mamba_ssm_cache_dtype": "float32",
       "max_position_embeddings": 262144, "mlp_bias": false, "mlp_hidden_act": "relu2", "model_type": "nemotron_h",
       "moe_intermediate_size": 1856, "moe_shared_expert_intermediate_size": 3712, "n_group": 1, "n_groups": 8,
       "n_routed_experts": 128, "n_shared_experts": 1, "norm_eps": 1e-05, "norm_topk_prob": true,
       "num_attention_heads": 32, "num_experts_per_tok": 6, "num_hidden_layers": 6, "num_key_value_heads": 2,
       "num_logits_to_keep": 1, "pad_token_id": 0, "partial_rotary_factor": 1.0, "rescale_prenorm_residual": true,
       "residual_in_fp32": false, "rope_theta": 10000, "routed_scaling_factor": 2.5, "sliding_window": null,
       "ssm_state_size": 128, "tie_word_embeddings": false, "time_step_floor": 0.0001,
       "time_step_limit": [0.0, Infinity], "time_step_max": 0.1, "time_step_min": 0.001, "topk_group": 1,
       "torch_dtype": "bfloat16", "transformers_version": "4.55.4", "use_bias": false, "use_cache": true,
       "use_conv_bias": true, "use_mamba_kernels": true, "vocab_size": 131072}
      """;

  private static final BlockBody SQUARED = new BlockBody(new Activation.SquaredRelu(), false);

  @Test
  void specify_pattern_givesEachLayerOneHalf() throws Exception {
    ModelSpec spec = specify(Map.of());
    AttentionSpec mamba = new Mamba2(64, 8, 128, 64, 4, 8, true, false, 0, Float.POSITIVE_INFINITY);
    assertThat(spec.layers().stream().map(LayerSpec::attention))
        .satisfiesExactly(
            first -> assertThat(first).isEqualTo(mamba),
            second -> assertThat(second).isEqualTo(new NoMixing()),
            third -> assertThat(third).isEqualTo(mamba),
            fourth -> assertThat(((GroupedQueryAttention) fourth).rotary()).isEmpty(),
            fifth -> assertThat(fifth).isEqualTo(new NoMixing()),
            sixth -> assertThat(sixth).isEqualTo(new NoMixing()));
    MixtureOfExperts experts = (MixtureOfExperts) spec.layers().get(1).feedForward();
    assertThat(spec.layers().stream().map(LayerSpec::feedForward))
        .containsExactly(
            new NoFeedForward(),
            experts,
            new NoFeedForward(),
            new NoFeedForward(),
            experts,
            new DenseFeedForward(1856, SQUARED));
    assertThat(experts.body()).isEqualTo(SQUARED);
    assertThat(experts.shared()).isEqualTo(new SharedExpert(3712, false, SQUARED));
    assertThat(experts.narrow()).isEmpty();
    assertThat(spec.expertCounts()).isEqualTo(Map.of(1, 128, 4, 128));
    assertThat(spec.expertWidth()).isEqualTo(2688);
  }

  @Test
  void specify_absentFields_meanWhatTheReferenceTakes() throws Exception {
    ModelSpec absent =
        specify(
            Map.of(
                "num_hidden_layers", "null",
                "conv_kernel", "null",
                "head_dim", "null",
                "layer_norm_epsilon", "null",
                "mamba_head_dim", "null",
                "n_groups", "null",
                "norm_topk_prob", "null",
                "ssm_state_size", "null",
                "time_step_limit", "null",
                "use_conv_bias", "null"));
    assertThat(absent).isEqualTo(specify(Map.of()));
  }

  @Test
  void specify_list_meansTheSameAsThePattern() throws Exception {
    String list =
        "[\"linear_attention\", \"moe\", \"linear_attention\", \"full_attention\", \"moe\","
            + " \"mlp\"]";
    String older = list.replace("linear_attention", "mamba").replace("full_attention", "attention");
    for (String one : List.of(list, older)) {
      assertThat(specify(Map.of("layers_block_type", one, "hybrid_override_pattern", "null")))
          .isEqualTo(specify(Map.of()));
    }
  }

  @Test
  void specify_narrowTokensAndBiases_areWhereTheFieldsSay() throws Exception {
    ModelSpec spec =
        specify(Map.of("moe_latent_size", "1024", "mlp_bias", "true", "use_bias", "true"));
    MixtureOfExperts experts = (MixtureOfExperts) spec.layers().get(1).feedForward();
    assertThat(experts.narrow()).isEqualTo(Optional.of(new NarrowTokens(1024, true)));
    assertThat(experts.body().biases()).isFalse();
    assertThat(((SharedExpert) experts.shared()).body().biases()).isTrue();
    assertThat(((DenseFeedForward) spec.layers().get(5).feedForward()).body().biases()).isTrue();
    assertThat(((Mamba2) spec.layers().get(0).attention()).projectionBiases()).isTrue();
    assertThat(spec.expertWidth()).isEqualTo(1024);
  }

  @Test
  void specify_timeSteps_areBounded() throws Exception {
    Mamba2 mamba =
        (Mamba2) specify(Map.of("time_step_limit", "[0.25, 8]")).layers().getFirst().attention();
    assertThat(mamba.least()).isEqualTo(0.25f);
    assertThat(mamba.most()).isEqualTo(8);
  }

  @Test
  void specify_contradictions_areRefusedByName() {
    assertRefused(Map.of("hybrid_override_pattern", "null"), "hybrid_override_pattern is null");
    assertRefused(Map.of("hybrid_override_pattern", "\"MEx\""), "only M, *, E and -");
    assertRefused(Map.of("layers_block_type", "[\"moe\"]"), "the same as layers_block_type");
    assertRefused(Map.of("layers_block_type", "[\"conv\"]"), "layers_block_type", "only linear");
    assertRefused(Map.of("num_hidden_layers", "7"), "num_hidden_layers is 7", "want 6");
    assertRefused(Map.of("n_groups", "5"), "n_groups is 5", "divisor of mamba_num_heads");
    assertRefused(Map.of("time_step_limit", "[0.0, NaN]"), "time_step_limit");
    assertRefused(Map.of("time_step_limit", "[2, 1]"), "time_step_limit", "ascending");
    assertRefused(Map.of("time_step_limit", "[Infinity, Infinity]"), "time_step_limit");
    assertRefused(Map.of("time_step_limit", "[1]"), "time_step_limit");
    assertRefused(Map.of("moe_latent_size", "0"), "moe_latent_size is 0");
    assertRefused(Map.of("mlp_hidden_act", "\"silu\""), "mlp_hidden_act");
    assertRefused(Map.of("mamba_hidden_act", "\"gelu\""), "mamba_hidden_act");
    assertRefused(Map.of("attention_bias", "true"), "attention_bias is true");
    assertRefused(Map.of("sliding_window", "128"), "sliding_window is 128");
    assertRefused(Map.of("routed_scaling_factor", "Infinity"), "routed_scaling_factor");
    assertRefused(Map.of("n_latents", "1"), "n_latents", "not known");
  }

  @Test
  void layer_withoutBothHalves_isRefused() {
    assertThatThrownBy(() -> new LayerSpec(3, new NoMixing(), new NoFeedForward()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("layer 3");
  }

  private static void assertRefused(Map<String, String> changes, String... parts) {
    ChangedConfig.assertRefused(NEMOTRON_3, changes, parts);
  }

  private static ModelSpec specify(Map<String, String> changes) {
    return ChangedConfig.specify(NEMOTRON_3, changes);
  }
}
