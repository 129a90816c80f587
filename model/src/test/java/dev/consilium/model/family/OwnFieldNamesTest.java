package dev.consilium.model.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Configurations whose fields have names, or places, of their own. */
final class OwnFieldNamesTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  private static final String DBRX =
      """
      {"architectures": ["DbrxForCausalLM"], "attn_config": {"clip_qkv": 8, "kv_n_heads": 8, "model_type": "",
       "rope_theta": 500000}, "d_model": 6144, "emb_pdrop": 0.0, "ffn_config": {"ffn_hidden_size": 10752,
       "model_type": "", "moe_jitter_eps": 0.01, "moe_loss_weight": 0.05, "moe_num_experts": 16, "moe_top_k": 4},
       "initializer_range": 0.02, "max_seq_len": 32768, "model_type": "dbrx", "n_heads": 48, "n_layers": 40,
       "output_router_logits": false, "resid_pdrop": 0.0, "router_aux_loss_coef": 0.05, "tie_word_embeddings": false,
       "torch_dtype": "bfloat16", "transformers_version": "4.40.0.dev0", "use_cache": true, "vocab_size": 100352}
      """;

  @Test
  void specify_dbrx_isReadByItsOwnNames() throws Exception {
    ModelSpec spec = specify("", "");
    assertThat(spec.hiddenSize()).isEqualTo(6144);
    assertThat(spec.contextLength()).isEqualTo(32768);
    assertThat(spec.norm())
        .isEqualTo(new NormSpec(NormSpec.Kind.LAYER_UNBIASED, NormSpec.Place.BEFORE, 1e-5f));
    assertThat(spec.layers()).hasSize(40);
    assertThat(spec.layers().getLast().attention())
        .isEqualTo(
            new GroupedQueryAttention(
                48,
                8,
                128,
                Optional.of(new RotarySpec(128, 5e5, new NoScaling())),
                QkNorm.NONE,
                new AllKeys(),
                new AttentionScores((float) (1 / Math.sqrt(128))),
                new AttentionProjections(false, false, 8, false)));
    assertThat(spec.layers().getLast().feedForward())
        .isEqualTo(
            new MixtureOfExperts(
                new GateSpec(16, 4, new GateScore.SoftmaxOfAll(), new GateRenormalisation.BySum()),
                10752,
                new NoSharedExperts()));
  }

  @Test
  void specify_absentFieldsOfDbrx_meanWhatTheReferenceTakes() throws Exception {
    ModelSpec spec =
        specify(
            "\"clip_qkv\": 8, \"kv_n_heads\": 8, \"model_type\": \"\",\n \"rope_theta\": 500000",
            "");
    GroupedQueryAttention attention = (GroupedQueryAttention) spec.layers().getFirst().attention();
    assertThat(attention.kvHeads()).isEqualTo(1);
    assertThat(attention.projections()).isEqualTo(AttentionProjections.PLAIN);
    assertThat(attention.rotary().orElseThrow().theta()).isEqualTo(1e4);
  }

  @Test
  void specify_weightsThatAreNotNormalised_areTakenAsTheyAre() throws Exception {
    ModelSpec spec =
        specify("\"moe_top_k\": 4", "\"moe_top_k\": 4, \"moe_normalize_expert_weights\": null");
    MixtureOfExperts experts = (MixtureOfExperts) spec.layers().getFirst().feedForward();
    assertThat(experts.gate().weighting().renormalisation())
        .isEqualTo(new GateRenormalisation.None());
    assertThat(
            specify("\"moe_top_k\": 4", "\"moe_top_k\": 4, \"moe_normalize_expert_weights\": 1.0"))
        .isEqualTo(specify("", ""));
  }

  @Test
  void specify_wrongFields_areRefusedByTheirOwnNames() {
    assertRefused("\"d_model\": 6144,", "", "field d_model is missing");
    assertRefused("\"n_heads\": 48", "\"n_heads\": 0", "n_heads is 0, want an integer from 1");
    assertRefused(
        "\"kv_n_heads\": 8", "\"kv_n_heads\": 7", "attn_config.kv_n_heads is 7, want a divisor");
    assertRefused("\"clip_qkv\": 8", "\"clip_qkv\": 0", "attn_config.clip_qkv is 0");
    assertRefused(
        "\"moe_top_k\": 4", "\"moe_top_k\": 17", "ffn_config.moe_top_k is 17, want at most");
    assertRefused(
        "\"moe_top_k\": 4",
        "\"moe_top_k\": 4, \"moe_normalize_expert_weights\": 2",
        "ffn_config.moe_normalize_expert_weights is 2, want 1, or null");
    assertRefused(
        "\"moe_top_k\": 4",
        "\"moe_top_k\": 4, \"ffn_act_fn\": {\"name\": \"gelu\"}",
        "ffn_config.ffn_act_fn is {\"name\":\"gelu\"}, which is not supported");
  }

  @Test
  void specify_unknownFields_areRefusedWhereverTheyAre() {
    assertRefused(
        "\"clip_qkv\": 8", "\"clip_qkv\": 8, \"sinks\": true", "field attn_config.sinks (true)");
    assertRefused("\"d_model\": 6144", "\"d_model\": 6144, \"other\": 1", "field other (1)");
    // The usual name beside the family's own, even with the same value.
    assertRefused(
        "\"d_model\": 6144", "\"d_model\": 6144, \"hidden_size\": 6144", "field hidden_size");
    assertRefused(
        "\"d_model\": 6144",
        "\"d_model\": 6144, \"ffn_config.moe_top_k\": 4",
        "ffn_config.moe_top_k");
    assertRefused("\"ffn_config\": {", "\"ffn_config\": 3, \"x\": {", "ffn_config is 3");
  }

  private static void assertRefused(String from, String to, String message) {
    assertThatThrownBy(() -> specify(from, to))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(message);
  }

  /** The configuration with another text in the place of one. */
  private static ModelSpec specify(String from, String to) throws JsonProcessingException {
    assertThat(DBRX).contains(from);
    return ModelFamilies.specify((ObjectNode) JSON.readTree(DBRX.replace(from, to)));
  }
}
