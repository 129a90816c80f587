package dev.consilium.model.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What configurations of families mean whose experts skip half a layer. */
final class LateExpertsFamiliesTest {

  private static final String LONGCAT_FLASH =
      """
      {"architectures": ["LongcatFlashForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
       "attention_method": "MLA", "bos_token_id": 1, "eos_token_id": 2, "expert_ffn_hidden_size": 2048,
       "ffn_hidden_size": 12288, "hidden_size": 6144, "kv_lora_rank": 512, "max_position_embeddings": 131072,
       "mla_scale_kv_lora": true, "mla_scale_q_lora": true, "model_type": "longcat_flash", "moe_topk": 12,
       "n_routed_experts": 512, "num_attention_heads": 64, "num_layers": 28, "q_lora_rank": 1536,
       "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "rms_norm_eps": 1e-05, "rope_theta": 10000000.0,
       "routed_scaling_factor": 6.0, "router_bias": false, "torch_dtype": "bfloat16", "use_cache": true,
       "v_head_dim": 128, "vocab_size": 131072, "zero_expert_num": 256, "zero_expert_type": "identity"}
      """;

  @Test
  void specify_eachLayer_isTwoOfOurs() throws Exception {
    ModelSpec spec = specify(Map.of());
    assertThat(spec.layers()).hasSize(56);
    MixtureOfExperts experts = (MixtureOfExperts) spec.layers().get(0).feedForward();
    for (int i = 0; i < 56; i += 2) {
      assertThat(spec.layers().get(i).feedForward()).isEqualTo(experts);
      assertThat(spec.layers().get(i + 1).feedForward()).isEqualTo(new DenseFeedForward(12288));
    }
    assertThat(experts.late()).isTrue();
    assertThat(experts.shared()).isEqualTo(new SharedExpert(12288, false));
    assertThat(experts.gate())
        .isEqualTo(
            new GateSpec(
                512,
                256,
                12,
                false,
                new GateScore.SoftmaxOfAll(),
                new GateSelection(true, Optional.empty()),
                new GateWeighting(new GateRenormalisation.None(), 6)));
    assertThat(experts.gate().choices()).isEqualTo(768);
    assertThat(spec.expertCounts()).hasSize(28).containsEntry(54, 512);
  }

  @Test
  void specify_factors_areInScaleAndLatentVector() throws Exception {
    LatentAttention attention = (LatentAttention) specify(Map.of()).layers().getFirst().attention();
    assertThat(attention.scale()).isEqualTo((float) (2 / Math.sqrt(192)));
    assertThat(attention.latentFactor()).isEqualTo((float) Math.sqrt(12));
    assertThat(attention.normEpsilon()).isEqualTo(1e-6f);
  }

  @Test
  void specify_absentFields_meanWhatTheReferenceTakes() throws Exception {
    ModelSpec absent =
        specify(
            Map.of(
                "attention_bias", "null",
                "rms_norm_eps", "null",
                "rope_theta", "null",
                "routed_scaling_factor", "null",
                "mla_scale_q_lora", "null"));
    assertThat(absent).isEqualTo(specify(Map.of()));
  }

  @Test
  void names_bothHalves_areOfOneLayer() throws Exception {
    WeightNames names = specify(Map.of()).names();
    assertThat(names.attention(4).norm()).isEqualTo("model.layers.2.input_layernorm.0.weight");
    assertThat(names.attention(5).latent().queryDown())
        .isEqualTo("model.layers.2.self_attn.1.q_a_proj.weight");
    assertThat(names.attention(5).output().weight())
        .isEqualTo("model.layers.2.self_attn.1.o_proj.weight");
    assertThat(names.feedForward(5).norm())
        .isEqualTo("model.layers.2.post_attention_layernorm.1.weight");
    assertThat(names.feedForward(4).expert(7).up())
        .isEqualTo("model.layers.2.mlp.experts.7.up_proj.weight");
    assertThat(names.feedForward(4).shared().down())
        .isEqualTo("model.layers.2.mlps.0.down_proj.weight");
    assertThat(names.feedForward(5).dense().gate())
        .isEqualTo("model.layers.2.mlps.1.gate_proj.weight");
    assertThat(names.feedForward(4).gate().correctionBias())
        .isEqualTo("model.layers.2.mlp.router.e_score_correction_bias");
  }

  @Test
  void specify_contradictions_areRefusedByName() {
    assertRefused(Map.of("num_layers", "0"), "num_layers is 0");
    assertRefused(Map.of("num_layers", "4096"), "num_layers is 4096");
    assertRefused(Map.of("moe_topk", "769"), "moe_topk is 769", "at most", "768");
    assertRefused(Map.of("zero_expert_num", "-1"), "zero_expert_num is -1");
    assertRefused(Map.of("zero_expert_type", "\"constant\""), "zero_expert_type");
    assertRefused(Map.of("q_lora_rank", "null"), "q_lora_rank", "queries are made of");
    assertRefused(Map.of("mla_scale_kv_lora", "false"), "mla_scale_kv_lora is false");
    assertRefused(Map.of("router_bias", "true"), "router_bias is true");
    assertRefused(Map.of("norm_topk_prob", "true"), "norm_topk_prob is true");
    assertRefused(Map.of("attention_method", "\"MHA\""), "attention_method");
    assertRefused(Map.of("shortcut", "1"), "shortcut", "not known");
  }

  @Test
  void lateExperts_withoutDenseBlockBehind_areRefused() throws Exception {
    ModelSpec spec = specify(Map.of());
    List<LayerSpec> layers = spec.layers();
    LayerSpec moved = new LayerSpec(1, layers.get(0).attention(), layers.get(0).feedForward());
    assertThatThrownBy(() -> spec.withLayers(layers.subList(0, 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("experts of layer 0 are late");
    assertThatThrownBy(() -> spec.withLayers(List.of(layers.get(0), moved)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("experts of layer 0 are late");
  }

  @Test
  void narrowExperts_lateOrBesideIdentities_areRefused() throws Exception {
    MixtureOfExperts late = (MixtureOfExperts) specify(Map.of()).layers().get(0).feedForward();
    Optional<NarrowTokens> narrow = Optional.of(new NarrowTokens(8, false));
    GateSpec plain =
        new GateSpec(8, 2, new GateScore.SoftmaxOfAll(), new GateRenormalisation.None());
    assertThatThrownBy(
            () -> new MixtureOfExperts(late.gate(), 8, late.body(), late.shared(), narrow, false))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(
            () -> new MixtureOfExperts(plain, 8, late.body(), late.shared(), narrow, true))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void gate_identitiesAlone_areRefused() {
    GateWeighting weighting = new GateWeighting(new GateRenormalisation.None(), 1);
    for (int[] counts : new int[][] {{0, 4}, {4, -1}}) {
      assertThatThrownBy(() ->
              new GateSpec(
                  counts[0],
                  counts[1],
                  1,
                  false,
                  new GateScore.SoftmaxOfAll(),
                  GateSelection.LARGEST,
                  weighting))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  private static void assertRefused(Map<String, String> changes, String... parts) {
    ChangedConfig.assertRefused(LONGCAT_FLASH, changes, parts);
  }

  private static ModelSpec specify(Map<String, String> changes) {
    return ChangedConfig.specify(LONGCAT_FLASH, changes);
  }
}
