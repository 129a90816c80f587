package dev.consilium.model.gguf;

import static dev.consilium.model.gguf.GgufArchitecture.architecture;
import static dev.consilium.model.gguf.GgufAxis.always;
import static dev.consilium.model.gguf.GgufAxis.ifThere;

import dev.consilium.model.family.ModelSpec;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The architectures that we know: one line for each of our families that one is. What files leave
 * to whoever reads them (constants of an architecture) is in the line, too.
 */
public final class GgufArchitectures {

  private static final String QUERY_BIAS = "attn_q.bias";

  private static final GgufSizes SIZES = new GgufSizes(false);
  private static final GgufSizes SIZES_AND_PREDICTION = new GgufSizes(true);
  private static final GgufAttention HEADS = new GgufAttention(false);
  private static final GgufWindow ALL_KEYS = new GgufWindow.None();
  private static final GgufShared NO_SHARED = new GgufShared.None();

  /** Rotated in part. */
  private static final GgufRotary PART = new GgufRotary(true, true, false);

  /** Rotated as a whole, with factors of frequencies in some models. */
  private static final GgufRotary WITH_FACTORS = new GgufRotary(false, true, true);

  private static final GgufExpertLayers AFTER_DENSE =
      new GgufExpertLayers.AfterDense("first_k_dense_replace");

  /** Of DeepSeek's architecture, GLM-4.7-Flash has this many tokens, and no other model. */
  private static final int GLM_VOCABULARY = 154_880;

  private static final List<GgufArchitecture> TABLE =
      List.of(
          architecture("llama", "mixtral")
              .neighbours()
              .with(SIZES, HEADS, WITH_FACTORS, new GgufWindow.Sliding())
              .with(oneWidth("num_experts"), NO_SHARED)
              .build(),
          architecture("olmoe", "olmoe")
              .with(SIZES, HEADS, GgufRotary.WHOLE, ALL_KEYS, ifThere("attention_bias", QUERY_BIAS))
              .with(oneWidth("num_experts"), NO_SHARED, always("norm_topk_prob", false))
              .build(),
          architecture("qwen2moe", "qwen2_moe")
              .with(SIZES, HEADS, GgufRotary.WHOLE, ALL_KEYS, ifThere("qkv_bias", QUERY_BIAS))
              .with(ownWidth("num_experts"), always("norm_topk_prob", false))
              .with(new GgufExpertLayers.ByTensors())
              .with(new GgufShared.Sized("shared_expert_intermediate_size", true))
              .build(),
          architecture("qwen3moe", "qwen3_moe")
              .with(SIZES, HEADS, GgufRotary.WHOLE, ALL_KEYS, ifThere("attention_bias", QUERY_BIAS))
              .with(ownWidth("num_experts"), NO_SHARED, always("norm_topk_prob", true))
              .with(new GgufExpertLayers.ByTensors())
              .build(),
          architecture("gpt-oss", "gpt_oss")
              .names(GgufNames.NORM_BEHIND_ATTENTION)
              .with(SIZES, HEADS, new GgufRotary(false, false, false), new GgufWindow.Sliding())
              .with(ifThere("attention_bias", QUERY_BIAS), NO_SHARED)
              .with(experts("num_local_experts", "intermediate_size"))
              .build(),
          architecture("qwen3next", "qwen3_next")
              .names(GgufNames.DELTA_NETS)
              .with(SIZES_AND_PREDICTION, HEADS, PART, new GgufRecurrence.DeltaNets())
              .with(ifThere("attention_bias", QUERY_BIAS), ownWidth("num_experts"))
              .with(new GgufShared.Sized("shared_expert_intermediate_size", true))
              .build(),
          qwen35("qwen3_5_moe_text"),
          qwen35("qwen3_5_moe"), // never read as such: files hold the text model
          deepseek("glm4_moe_lite", GgufGate.Score.SIGMOID)
              .only(GgufArchitectures::hasVocabularyOfGlm)
              .build(),
          deepseek("deepseek_v3", GgufGate.Score.SIGMOID).build(),
          deepseek("kimi_k2", GgufGate.Score.SIGMOID).build(),
          deepseek("deepseek_v2", GgufGate.Score.SOFTMAX).build(),
          architecture("dots1", "dots1")
              .with(SIZES, HEADS, GgufRotary.WHOLE, ALL_KEYS, ifThere("attention_bias", QUERY_BIAS))
              .with(ownWidth("n_routed_experts"), new GgufGate(GgufGate.Score.SIGMOID), AFTER_DENSE)
              .with(new GgufShared.Counted("n_shared_experts", false))
              .build(),
          minimax("minimax_text_01"),
          minimax("minimax_m1"),
          minimax("minimax"),
          architecture("hy_v3", "hy_v3")
              .names(GgufNames.SHORT_CORRECTION_BIAS)
              .with(SIZES_AND_PREDICTION, HEADS, GgufRotary.WHOLE, ALL_KEYS)
              .with(ifThere("attention_bias", QUERY_BIAS), ownWidth("num_experts"))
              .with(new GgufGate.Normalised(GgufGate.Score.SIGMOID, "router_scaling_factor", true))
              .with(new GgufExpertLayers.TypedByTensors())
              .with(new GgufShared.Wide("num_shared_experts"))
              .build(),
          architecture("minimax-m2", "minimax_m2")
              .with(SIZES, HEADS, PART, ALL_KEYS, NO_SHARED)
              .with(new GgufGate(GgufGate.Score.SIGMOID, false))
              .with(experts("num_local_experts", "intermediate_size"))
              .build(),
          architecture("hunyuan-moe", "hunyuan_v1_moe")
              .with(SIZES, HEADS, GgufRotary.WHOLE, ALL_KEYS, ifThere("attention_bias", QUERY_BIAS))
              .with(
                  new GgufExperts(
                      "num_experts", "moe_topk", "intermediate_size", "intermediate_size", true))
              .with(new GgufGate(GgufGate.Score.SOFTMAX, false), new GgufShared.One())
              .build(),
          architecture("lfm2moe", "lfm2_moe")
              .names(GgufNames.SHORT_CONVOLUTIONS)
              .with(SIZES, new GgufAttention(true), GgufRotary.WHOLE)
              .with(new GgufRecurrence.ShortConvolutions(), ownWidth("num_experts"))
              .with(new GgufGate(GgufGate.Score.SIGMOID, false))
              .with(new GgufExpertLayers.AfterDense("num_dense_layers"))
              .build(),
          architecture("nemotron_h_moe", "nemotron_h")
              .names(GgufNames.SINGLE_BLOCKS)
              .with(SIZES_AND_PREDICTION, new GgufFurtherNorm())
              .with(new GgufAttention(true), new GgufUnturned(), new GgufRecurrence.SingleBlocks())
              .with(
                  new GgufExperts.OfSomeLayers(
                      "n_routed_experts", "num_experts_per_tok", "moe_intermediate_size"))
              .with(new GgufGate(GgufGate.Score.SIGMOID), new GgufNarrow("moe_latent_size"))
              .with(new GgufShared.Single("moe_shared_expert_intermediate_size"))
              .build(),
          architecture("kimi-linear", "kimi_linear")
              .names(GgufNames.DELTAS_BY_VALUE)
              .with(SIZES, new GgufLatent(true), new GgufRecurrence.DeltasByValue())
              .with(
                  new GgufExperts(
                      "num_experts",
                      "num_experts_per_token",
                      "moe_intermediate_size",
                      "intermediate_size",
                      true))
              .with(new GgufGate.Normalised(GgufGate.Score.SIGMOID, "routed_scaling_factor", false))
              .with(AFTER_DENSE, new GgufShared.Counted("num_shared_experts", false))
              .build(),
          architecture("exaone-moe", "exaone_moe")
              .with(SIZES_AND_PREDICTION, HEADS, GgufRotary.WHOLE, new GgufWindow.Listed(4))
              .with(ownWidth("num_experts"), new GgufGate(GgufGate.Score.SIGMOID))
              .with(new GgufExpertLayers.TypedAfterDense())
              .with(new GgufShared.Counted("num_shared_experts", true))
              .build(),
          architecture("jamba", "jamba")
              .with(SIZES, new GgufAttention(true), new GgufRecurrence.SelectiveStateSpaces())
              .with(oneWidth("num_experts"), new GgufExpertLayers.Periodic())
              .build(),
          architecture("dbrx", "dbrx")
              .names(GgufNames.NORM_OF_OUTPUT)
              .with(new GgufSizes(false, GgufKey.LAYER_NORM_EPSILON), HEADS, GgufRotary.WHOLE)
              .with(new GgufClip("attn_config.clip_qkv"))
              .with(
                  new GgufExperts(
                      "ffn_config.moe_num_experts",
                      "ffn_config.moe_top_k",
                      "ffn_config.ffn_hidden_size",
                      "ffn_config.ffn_hidden_size",
                      false))
              .build(),
          glm("glm4_moe"),
          glm("solar_open"), // never read as such: its metadata are those of a GLM
          granite("granitemoe", "granitemoe")
              .only(metadata -> !hasShared(metadata))
              .with(HEADS, NO_SHARED)
              .build(),
          granite("granitemoe", "granitemoeshared")
              .with(HEADS, new GgufShared.Sized("shared_intermediate_size", false))
              .build(),
          granite("granitehybrid", "granitemoehybrid")
              .with(new GgufAttention(true), new GgufRecurrence.StateSpaces())
              .with(new GgufShared.Sized("shared_intermediate_size", false))
              .build(),
          architecture("ernie4_5-moe", "ernie4_5_moe")
              .with(SIZES, HEADS, GgufRotary.WHOLE, ALL_KEYS)
              .with(
                  new GgufExperts(
                      "moe_num_experts",
                      "moe_k",
                      "moe_intermediate_size",
                      "intermediate_size",
                      true))
              .with(new GgufExpertLayers.FromEvery())
              .with(new GgufShared.Counted("moe_num_shared_experts", true))
              .build(),
          architecture("llama4", "llama4_text")
              .with(SIZES, HEADS, WITH_FACTORS, new GgufWindow.Chunks(), NO_SHARED)
              .with(
                  new GgufExperts(
                      "num_local_experts",
                      "num_experts_per_tok",
                      "intermediate_size",
                      "intermediate_size_mlp",
                      true))
              .with(new GgufExpertLayers.Every())
              .build(),
          architecture("phimoe", "phimoe")
              .with(SIZES, HEADS, GgufRotary.WHOLE, new GgufWindow.Sliding())
              .with(ifThere("attention_bias", QUERY_BIAS), ifThere("lm_head_bias", "output.bias"))
              .with(oneWidth("num_local_experts"), NO_SHARED)
              .build());

  private GgufArchitectures() {}

  /** Their names, sorted. */
  public static List<String> known() {
    return TABLE.stream().map(GgufArchitecture::name).distinct().sorted().toList();
  }

  /** The names of the architectures that files of a family have, sorted; empty if there is none. */
  public static List<String> ofFamily(String modelType) {
    return TABLE.stream()
        .filter(one -> one.modelType().equals(modelType))
        .map(GgufArchitecture::name)
        .sorted()
        .toList();
  }

  /** The architecture that a family is written as. */
  static Optional<GgufArchitecture> of(ModelSpec spec) {
    return TABLE.stream().filter(one -> one.modelType().equals(spec.family())).findFirst();
  }

  /** The architecture of a file, or an error that names it. */
  static GgufArchitecture of(GgufMetadata metadata) {
    String key = GgufSpecWriter.ARCHITECTURE;
    String name =
        metadata
            .text(key)
            .orElseThrow(() ->
                metadata.wrong(
                    "has no metadata key %s; known architectures are %s"
                        .formatted(key, String.join(", ", known()))));
    return TABLE.stream()
        .filter(one -> one.name().equals(name) && one.condition().test(metadata))
        .findFirst()
        .orElseThrow(() -> metadata.unwanted(key, "one of " + String.join(", ", known())));
  }

  /** Experts whose width stands where other architectures have that of dense blocks. */
  private static GgufExperts oneWidth(String count) {
    return new GgufExperts(
        count, "num_experts_per_tok", "intermediate_size", "intermediate_size", false);
  }

  private static GgufExperts ownWidth(String count) {
    return new GgufExperts(
        count, "num_experts_per_tok", "moe_intermediate_size", "intermediate_size", true);
  }

  private static GgufArchitecture qwen35(String modelType) {
    return architecture("qwen35moe", modelType)
        .names(GgufNames.DELTA_NETS_IN_TURNS)
        .with(SIZES_AND_PREDICTION, HEADS, PART, new GgufSections())
        .with(new GgufRecurrence.DeltaNets(), ifThere("attention_bias", QUERY_BIAS))
        .with(experts("num_experts", "moe_intermediate_size"))
        .with(new GgufShared.Sized("shared_expert_intermediate_size", true))
        .build();
  }

  /** Experts where there are no blocks without. */
  private static GgufExperts experts(String count, String size) {
    return new GgufExperts(count, "num_experts_per_tok", size, size, true);
  }

  private static GgufArchitecture glm(String modelType) {
    return architecture("glm4moe", modelType)
        .names(GgufNames.NORM_BEHIND_ATTENTION)
        .with(SIZES_AND_PREDICTION, HEADS, PART, ALL_KEYS)
        .with(ifThere("attention_bias", QUERY_BIAS))
        .with(ifThere("use_qk_norm", "attn_q_norm.weight"))
        .with(ownWidth("n_routed_experts"), new GgufGate(GgufGate.Score.SIGMOID))
        .with(AFTER_DENSE)
        .with(new GgufShared.Counted("n_shared_experts", false))
        .build();
  }

  /** MiniMax-01, by whichever configuration. */
  private static GgufArchitecture minimax(String modelType) {
    return architecture("minimax-01", modelType)
        .names(GgufNames.LIGHTNING)
        .with(SIZES, HEADS, PART, ALL_KEYS, NO_SHARED)
        .with(oneWidth("num_local_experts"), new GgufRecurrence.Lightning(), new GgufResidual())
        .build();
  }

  /** DeepSeek's generations have one architecture; their gates tell them apart. */
  private static GgufArchitecture.Builder deepseek(String modelType, GgufGate.Score score) {
    return architecture("deepseek2", modelType)
        .only(metadata -> score == GgufGate.Score.SOFTMAX || hasScore(metadata, score))
        .with(SIZES_AND_PREDICTION, new GgufLatent(false))
        .with(ownWidth("n_routed_experts"), new GgufGate(score))
        .with(AFTER_DENSE)
        .with(new GgufShared.Counted("n_shared_experts", false));
  }

  private static boolean hasVocabularyOfGlm(GgufMetadata metadata) {
    return metadata
            .whole("deepseek2." + GgufKey.VOCABULARY.suffix(), Integer.MIN_VALUE, Integer.MAX_VALUE)
            .orElse(0)
        == GLM_VOCABULARY;
  }

  private static boolean hasScore(GgufMetadata metadata, GgufGate.Score score) {
    OptionalInt stated =
        metadata.whole(
            "deepseek2." + GgufKey.GATE_SCORE.suffix(), Integer.MIN_VALUE, Integer.MAX_VALUE);
    return stated.isPresent() && stated.getAsInt() == score.number();
  }

  private static GgufArchitecture.Builder granite(String name, String modelType) {
    return architecture(name, modelType)
        .neighbours()
        .with(SIZES, WITH_FACTORS, ALL_KEYS, new GgufMultipliers())
        .with(oneWidth("num_local_experts"), ifThere("attention_bias", QUERY_BIAS));
  }

  private static boolean hasShared(GgufMetadata metadata) {
    return metadata
            .whole(
                "granitemoe." + GgufKey.SHARED_FEED_FORWARD.suffix(),
                Integer.MIN_VALUE,
                Integer.MAX_VALUE)
            .orElse(0)
        != 0;
  }
}
