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
import dev.consilium.model.family.FeedForwardRules.Layers;
import dev.consilium.model.family.FeedForwardRules.Shared;
import dev.consilium.model.family.GateRules.Groups;
import dev.consilium.model.family.GateRules.Normalisation;
import dev.consilium.model.family.GateRules.Score;
import dev.consilium.model.family.GateRules.Weight;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The families that we know, and the way from a configuration to a specification. */
public final class ModelFamilies {

  /** What names of layers begin with. */
  private static final String LAYER = "model.layers.{layer}";

  private static final Set<String> FALSE = Set.of("false");
  private static final Set<String> TRUE = Set.of("true");
  private static final Set<String> ONE = Set.of("1");
  private static final Set<String> ZERO = Set.of("0", "0.0");

  private static final ModelFamily MIXTRAL =
      new ModelFamily(
          "mixtral",
          "MixtralForCausalLM",
          new BlockRules(1e-5),
          new AttentionRules(new Rotary(1e6), Norm.NONE, Biases.NONE, Keys.WINDOW),
          new FeedForwardRules(
              Layers.ALL,
              "num_experts",
              "intermediate_size",
              GateRules.softmax(Normalisation.ALWAYS),
              Shared.NONE),
          // Jitter is noise on the gate's input while training.
          Set.of("router_jitter_noise"),
          Map.of("attention_bias", FALSE),
          names(
              GateNames.of(LAYER + ".block_sparse_moe.gate"),
              new GatedNames(
                  LAYER + ".block_sparse_moe.experts.{expert}.w1.weight",
                  LAYER + ".block_sparse_moe.experts.{expert}.w3.weight",
                  LAYER + ".block_sparse_moe.experts.{expert}.w2.weight"),
              GatedNames.of(LAYER + ".mlp.shared_expert")));

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
              Layers.SPARSE_STEP,
              "num_experts",
              "moe_intermediate_size",
              GateRules.softmax(Normalisation.IF_ENABLED),
              Shared.SIGMOID_GATED),
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
              Layers.SPARSE_STEP,
              "num_experts",
              "moe_intermediate_size",
              GateRules.softmax(Normalisation.IF_ENABLED),
              Shared.NONE),
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
              Layers.ALL,
              "num_experts",
              "intermediate_size",
              GateRules.softmax(Normalisation.IF_ENABLED),
              Shared.NONE),
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
              Layers.SPARSE_STEP,
              "num_experts",
              "moe_intermediate_size",
              GateRules.softmax(Normalisation.IF_ENABLED),
              Shared.SIGMOID_GATED),
          Set.of(),
          Map.of("use_sliding_window", FALSE),
          qwenNames());

  private static final ModelFamily DEEPSEEK_V2 =
      new ModelFamily(
          "deepseek_v2",
          "DeepseekV2ForCausalLM",
          new BlockRules(1e-6),
          new LatentRules(1e4, 1e-6),
          new FeedForwardRules(
              Layers.DENSE_FIRST,
              "n_routed_experts",
              "moe_intermediate_size",
              new GateRules(
                  Score.SOFTMAX_OF_ALL,
                  false,
                  false,
                  Groups.IF_METHOD_SAYS,
                  Normalisation.NEVER,
                  0,
                  Weight.SCALED_OUTPUT),
              Shared.COUNTED),
          Set.of("aux_loss_alpha", "ep_size", "seq_aux"),
          Map.of(
              "attention_bias", FALSE,
              "moe_layer_freq", ONE,
              // Published code disagrees on whether the scaling factor applies then.
              "norm_topk_prob", FALSE,
              "rope_interleave", TRUE,
              "scoring_func", Set.of("\"softmax\"")),
          deepseekNames());

  private static final SortedMap<String, ModelFamily> BY_TYPE = new TreeMap<>();

  static {
    Stream.of(
            MIXTRAL,
            QWEN2_MOE,
            QWEN3_MOE,
            OLMOE,
            QWEN3_NEXT,
            DEEPSEEK_V2,
            deepseekV3("deepseek_v3"),
            deepseekV3("kimi_k2"))
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

  /** DeepSeek-V3, and models that are one by another name. */
  private static ModelFamily deepseekV3(String modelType) {
    return new ModelFamily(
        modelType,
        "DeepseekV3ForCausalLM",
        new BlockRules(1e-6),
        new LatentRules(1e4, 1e-6),
        new FeedForwardRules(
            Layers.DENSE_FIRST,
            "n_routed_experts",
            "moe_intermediate_size",
            new GateRules(
                Score.SIGMOID,
                false,
                true,
                Groups.TOP_TWO,
                Normalisation.UNLESS_DISABLED,
                1e-20f,
                Weight.SCALED_OUTPUT),
            Shared.COUNTED),
        Set.of("aux_loss_alpha", "ep_size", "seq_aux"),
        Map.of(
            "attention_bias",
            FALSE,
            "moe_layer_freq",
            ONE,
            "scoring_func",
            Set.of("\"sigmoid\""),
            "topk_method",
            Set.of("\"noaux_tc\"")),
        deepseekNames());
  }

  private static String knownText() {
    return String.join(", ", BY_TYPE.keySet());
  }

  private static WeightNames qwenNames() {
    return names(
        GateNames.of(LAYER + ".mlp.gate"),
        GatedNames.of(LAYER + ".mlp.experts.{expert}"),
        GatedNames.of(LAYER + ".mlp.shared_expert"));
  }

  private static WeightNames deepseekNames() {
    return names(
        GateNames.of(LAYER + ".mlp.gate"),
        GatedNames.of(LAYER + ".mlp.experts.{expert}"),
        GatedNames.of(LAYER + ".mlp.shared_experts"));
  }

  private static WeightNames names(GateNames gate, GatedNames expert, GatedNames shared) {
    return new WeightNames(
        "model.embed_tokens.weight",
        "model.norm.weight",
        "lm_head.weight",
        new AttentionNames(
            LAYER + ".input_layernorm.weight",
            ProjectionNames.of(LAYER + ".self_attn.q_proj"),
            ProjectionNames.of(LAYER + ".self_attn.k_proj"),
            ProjectionNames.of(LAYER + ".self_attn.v_proj"),
            ProjectionNames.of(LAYER + ".self_attn.o_proj"),
            LAYER + ".self_attn.q_norm.weight",
            LAYER + ".self_attn.k_norm.weight",
            LAYER + ".self_attn.sinks",
            RecurrentNames.of(LAYER + ".linear_attn", "in_proj_qkvz", "in_proj_ba"),
            LatentNames.of(LAYER + ".self_attn")),
        new FeedForwardNames(
            LAYER + ".post_attention_layernorm.weight",
            gate,
            expert,
            expert.biases(),
            shared,
            LAYER + ".mlp.shared_expert_gate.weight",
            GatedNames.of(LAYER + ".mlp")),
        WeightStorage.PLAIN);
  }
}
