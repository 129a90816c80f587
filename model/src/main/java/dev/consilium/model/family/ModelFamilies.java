package dev.consilium.model.family;

import com.fasterxml.jackson.databind.JsonNode;
import dev.consilium.model.family.AttentionRules.Biases;
import dev.consilium.model.family.AttentionRules.Hybrid;
import dev.consilium.model.family.AttentionRules.Keys;
import dev.consilium.model.family.AttentionRules.Norm;
import dev.consilium.model.family.AttentionRules.Recurrence;
import dev.consilium.model.family.AttentionRules.Rotary;
import dev.consilium.model.family.AttentionRules.Scores;
import dev.consilium.model.family.AttentionRules.Turned;
import dev.consilium.model.family.FeedForwardRules.GateNormalisation;
import dev.consilium.model.family.FeedForwardRules.LayerKinds;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The families that we know, and the way from a configuration to a specification. */
public final class ModelFamilies {

  private static final Set<String> FALSE = Set.of("false");
  private static final Set<String> ZERO = Set.of("0", "0.0");

  private static final ModelFamily MIXTRAL =
      new ModelFamily(
          "mixtral",
          "MixtralForCausalLM",
          new BlockRules(1e-5),
          new AttentionRules(new Rotary(1e6), Norm.NONE, Biases.NONE, Keys.WINDOW),
          new FeedForwardRules(
              "intermediate_size", GateNormalisation.ALWAYS, LayerKinds.ALL_EXPERTS, false),
          // Jitter is noise on the gate's input while training.
          Set.of("router_jitter_noise"),
          Map.of("attention_bias", FALSE),
          names(
              "model.layers.{layer}.block_sparse_moe.gate.weight",
              new GatedNames(
                  "model.layers.{layer}.block_sparse_moe.experts.{expert}.w1.weight",
                  "model.layers.{layer}.block_sparse_moe.experts.{expert}.w3.weight",
                  "model.layers.{layer}.block_sparse_moe.experts.{expert}.w2.weight")));

  private static final ModelFamily QWEN2_MOE =
      new ModelFamily(
          "qwen2_moe",
          "Qwen2MoeForCausalLM",
          new BlockRules(1e-6),
          new AttentionRules(
              new Rotary(1e4),
              Norm.NONE,
              new Biases(new Flag("qkv_bias", true), false),
              Keys.LISTED_WINDOW_IF_ENABLED),
          new FeedForwardRules(
              "moe_intermediate_size", GateNormalisation.IF_ENABLED, LayerKinds.SPARSE_STEP, true),
          Set.of(),
          Map.of(),
          qwenNames());

  private static final ModelFamily QWEN3_MOE =
      new ModelFamily(
          "qwen3_moe",
          "Qwen3MoeForCausalLM",
          new BlockRules(1e-6),
          new AttentionRules(
              new Rotary(1e4),
              new Norm(QkNorm.PER_HEAD),
              new Biases(new Flag("attention_bias", false), true),
              Keys.WINDOW_IF_ENABLED),
          new FeedForwardRules(
              "moe_intermediate_size", GateNormalisation.IF_ENABLED, LayerKinds.SPARSE_STEP, false),
          // The reference slides in all layers of this family, whatever this says.
          Set.of("max_window_layers"),
          Map.of(
              "use_qk_norm", Set.of("true"),
              "qkv_bias", FALSE,
              "shared_expert_intermediate_size", ZERO),
          qwenNames());

  private static final ModelFamily OLMOE =
      new ModelFamily(
          "olmoe",
          "OlmoeForCausalLM",
          new BlockRules(1e-5),
          new AttentionRules(
              new Rotary(1e4),
              new Norm(QkNorm.WHOLE_PROJECTION),
              new Biases(new Flag("attention_bias", false), true),
              Keys.ALL),
          new FeedForwardRules(
              "intermediate_size", GateNormalisation.IF_ENABLED, LayerKinds.ALL_EXPERTS, false),
          Set.of(),
          // With null, its published value, nothing is clipped.
          Map.of("clip_qkv", Set.of()),
          qwenNames());

  private static final ModelFamily QWEN3_NEXT =
      new ModelFamily(
          "qwen3_next",
          "Qwen3NextForCausalLM",
          new BlockRules(NormSpec.Kind.RMS_AROUND_ONE, 1e-6, false, Flag.NEVER, false),
          new AttentionRules(
              new Rotary(1e4, 0.25, RotaryPairing.HALVES, Turned.ALL),
              new Norm(QkNorm.PER_HEAD),
              new Biases(new Flag("attention_bias", false), true),
              Keys.ALL,
              Scores.PLAIN,
              OptionalInt.of(256),
              new Hybrid(Recurrence.DELTA_NET, true)),
          new FeedForwardRules(
              "moe_intermediate_size", GateNormalisation.IF_ENABLED, LayerKinds.SPARSE_STEP, true),
          Set.of(),
          Map.of("use_sliding_window", FALSE),
          qwenNames());

  private static final SortedMap<String, ModelFamily> BY_TYPE = new TreeMap<>();

  static {
    Stream.of(MIXTRAL, QWEN2_MOE, QWEN3_MOE, OLMOE, QWEN3_NEXT)
        .forEach(family -> BY_TYPE.put(family.modelType(), family));
  }

  private ModelFamilies() {}

  /** The {@code model_type}s that we know, sorted. */
  public static List<String> known() {
    return List.copyOf(BY_TYPE.keySet());
  }

  /**
   * The specification that a configuration stands for.
   *
   * @param config the content of a {@code config.json}
   * @throws ConfigException if the family is unknown, or a field is missing, wrong, contradicts
   *     another or is not known
   */
  public static ModelSpec specify(JsonNode config) {
    ConfigFields fields = new ConfigFields("", config);
    String type =
        fields
            .optionalText("model_type")
            .orElseThrow(
                () -> new ConfigException("field model_type is missing; known are " + knownText()));
    ModelFamily family = BY_TYPE.get(type);
    if (family == null) {
      throw new ConfigException(
          "model family %s is not supported; known are %s".formatted(type, knownText()));
    }
    return new SpecReader(family, fields).read();
  }

  private static String knownText() {
    return String.join(", ", BY_TYPE.keySet());
  }

  private static WeightNames qwenNames() {
    return names(
        "model.layers.{layer}.mlp.gate.weight",
        GatedNames.of("model.layers.{layer}.mlp.experts.{expert}"));
  }

  private static WeightNames names(String gate, GatedNames expert) {
    String layer = "model.layers.{layer}";
    return new WeightNames(
        "model.embed_tokens.weight",
        "model.norm.weight",
        "lm_head.weight",
        new AttentionNames(
            layer + ".input_layernorm.weight",
            ProjectionNames.of(layer + ".self_attn.q_proj"),
            ProjectionNames.of(layer + ".self_attn.k_proj"),
            ProjectionNames.of(layer + ".self_attn.v_proj"),
            ProjectionNames.of(layer + ".self_attn.o_proj"),
            layer + ".self_attn.q_norm.weight",
            layer + ".self_attn.k_norm.weight",
            layer + ".self_attn.sinks",
            RecurrentNames.of(layer + ".linear_attn", "in_proj_qkvz", "in_proj_ba")),
        new FeedForwardNames(
            layer + ".post_attention_layernorm.weight",
            gate,
            expert,
            GatedNames.of(layer + ".mlp.shared_expert"),
            layer + ".mlp.shared_expert_gate.weight",
            GatedNames.of(layer + ".mlp")));
  }
}
