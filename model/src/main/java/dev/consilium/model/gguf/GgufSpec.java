package dev.consilium.model.gguf;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.model.family.ConfigException;
import dev.consilium.model.family.ModelFamilies;
import dev.consilium.model.family.ModelSpec;
import java.util.HashSet;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Makes the specification that a file's metadata stands for, by way of the {@code config.json} that
 * means the same, so that every check of a configuration holds here too:
 *
 * <ol>
 *   <li>the architecture, by the table;
 *   <li>its keys, line by line; a key that no line names is refused;
 *   <li>what files leave to the presence of tensors: biases, a head of its own, dense layers;
 *   <li>the specification of that configuration, with the names that GGUF gives the weights.
 * </ol>
 */
public final class GgufSpec {

  private static final int MAX_WHOLE = Integer.MAX_VALUE;
  private static final int MAX_LAYERS = 4096;

  private final GgufModel model;
  private final GgufMetadata metadata;
  private final GgufArchitecture architecture;
  private final ObjectNode config = JsonNodeFactory.instance.objectNode();

  private GgufSpec(GgufModel model) {
    this.model = model;
    this.metadata = model.metadata();
    this.architecture = GgufArchitectures.of(metadata);
  }

  /**
   * The specification of an open model.
   *
   * @throws GgufException if it is of no architecture that we know, or the metadata are incomplete,
   *     contradictory or say something that we do not know
   */
  public static ModelSpec of(GgufModel model) {
    return new GgufSpec(model).read();
  }

  /** Whether a file of this model has rows in another order than ours. */
  public static boolean interleaves(GgufModel model) {
    return GgufArchitectures.of(model.metadata()).rotaryPairs()
        == GgufArchitecture.RotaryPairs.NEIGHBOURS;
  }

  private ModelSpec read() {
    requireModel();
    requireKnownKeys();
    config.put("model_type", architecture.modelType());
    sizes();
    experts();
    attention();
    rotary();
    tokens();
    presence();
    try {
      return ModelFamilies.specify(config).withNames(GgufNames.ALL);
    } catch (ConfigException e) {
      throw new GgufException(
          metadata.file(), "its metadata: " + inKeys(String.valueOf(e.getMessage())), e);
    }
  }

  private void requireModel() {
    String type = metadata.text("general.type").orElse("model");
    if (!type.equals("model")) {
      throw metadata.unwanted("general.type", "\"model\": other kinds are not whole models");
    }
  }

  /** Only the keys of the architecture say how to compute; others are for people and tools. */
  private void requireKnownKeys() {
    String prefix = architecture.key("");
    for (String key : metadata.keys()) {
      if (key.startsWith(prefix) && GgufKey.ofSuffix(key.substring(prefix.length())).isEmpty()) {
        throw metadata.wrong(
            "metadata key %s (%s) is not known; it may change the result, so the model is refused"
                .formatted(key, GgufMetadata.shown(metadata.value(key))));
      }
    }
  }

  private void sizes() {
    put(GgufKey.LAYERS);
    put(GgufKey.CONTEXT);
    put(GgufKey.HIDDEN);
    put(GgufKey.NORM_EPSILON);
    put(GgufKey.FEED_FORWARD);
    whole(GgufKey.VOCABULARY)
        .ifPresentOrElse(
            value -> config.put("vocab_size", value),
            () -> tensor("token_embd.weight").ifPresent(this::vocabulary));
  }

  private void vocabulary(GgufTensor embedding) {
    config.put("vocab_size", embedding.shape().getFirst());
  }

  private void experts() {
    put(GgufKey.EXPERTS);
    put(GgufKey.EXPERTS_USED);
    if (!architecture.modelType().equals("mixtral")) {
      config.put("norm_topk_prob", architecture.gateNormalised());
    }
    OptionalInt width = whole(GgufKey.FEED_FORWARD);
    OptionalInt own = whole(GgufKey.EXPERT_FEED_FORWARD);
    switch (architecture.expertSize()) {
      case FEED_FORWARD -> {
        if (own.isPresent() && !own.equals(width)) {
          throw metadata.unwanted(
              key(GgufKey.EXPERT_FEED_FORWARD), "the same as " + key(GgufKey.FEED_FORWARD));
        }
      }
      case EXPERT_FEED_FORWARD -> {
        int used = whole(GgufKey.EXPERTS_USED).orElse(0);
        if (own.isPresent() && own.getAsInt() > 0) {
          config.put("moe_intermediate_size", own.getAsInt());
        } else if (width.isPresent() && used > 0) {
          config.put("moe_intermediate_size", width.getAsInt() / used);
        }
      }
    }
    shared(width);
  }

  private void shared(OptionalInt width) {
    OptionalInt stated = whole(GgufKey.SHARED_FEED_FORWARD);
    if (architecture.sharedExpert()) {
      OptionalInt shared = stated.isPresent() && stated.getAsInt() > 0 ? stated : width;
      shared.ifPresent(value -> config.put("shared_expert_intermediate_size", value));
    } else if (stated.orElse(0) != 0) {
      throw metadata.unwanted(
          key(GgufKey.SHARED_FEED_FORWARD), "0: " + architecture.name() + " has no shared expert");
    }
  }

  private void attention() {
    put(GgufKey.HEADS);
    put(GgufKey.KV_HEADS);
    put(GgufKey.KEY_LENGTH);
    slidingWindow();
    int heads = Math.max(1, whole(GgufKey.HEADS).orElse(1));
    int headDim = whole(GgufKey.KEY_LENGTH).orElse(whole(GgufKey.HIDDEN).orElse(0) / heads);
    requireHeadDim(GgufKey.VALUE_LENGTH, headDim);
    requireHeadDim(GgufKey.ROTARY_DIMENSIONS, headDim);
  }

  private void slidingWindow() {
    if (architecture.modelType().equals("mixtral")) {
      put(GgufKey.SLIDING_WINDOW);
    } else if (whole(GgufKey.SLIDING_WINDOW).orElse(0) != 0) {
      throw metadata.unwanted(
          key(GgufKey.SLIDING_WINDOW), "none: " + architecture.name() + " sees all keys");
    }
  }

  private void requireHeadDim(GgufKey key, int headDim) {
    OptionalInt stated = whole(key);
    if (stated.isPresent() && stated.getAsInt() != headDim) {
      throw metadata.unwanted(key(key), headDim + ", the values of a head");
    }
  }

  private void rotary() {
    put(GgufKey.ROTARY_BASE);
    if (!metadata.has(key(GgufKey.ROTARY_BASE))) {
      config.put("rope_theta", 10_000.0); // what files mean that do not say
    }
    String type = text(GgufKey.SCALING_TYPE).orElse("none");
    if (type.equals("none")) {
      requireNoScaling();
      return;
    }
    ObjectNode scaling = config.putObject("rope_scaling");
    scaling.put("rope_type", type);
    put(scaling, GgufKey.SCALING_FACTOR);
    put(scaling, GgufKey.SCALING_CONTEXT);
    put(scaling, GgufKey.SCALING_BETA_FAST);
    put(scaling, GgufKey.SCALING_BETA_SLOW);
    attentionFactor(scaling);
  }

  private void requireNoScaling() {
    double factor = real(GgufKey.SCALING_FACTOR).orElse(1);
    if (factor != 1 && factor != 0) {
      throw metadata.unwanted(
          key(GgufKey.SCALING_FACTOR), "none, as there is no " + key(GgufKey.SCALING_TYPE));
    }
  }

  private void attentionFactor(ObjectNode scaling) {
    OptionalDouble stated = real(GgufKey.SCALING_ATTENTION);
    OptionalDouble relative = stated.isPresent() ? stated : real(GgufKey.SCALING_ATTENTION_OLD);
    OptionalDouble factor = real(GgufKey.SCALING_FACTOR);
    if (relative.isPresent() && relative.getAsDouble() != 1 && factor.isPresent()) {
      scaling.put("attention_factor", relative.getAsDouble() * yarnAttention(factor.getAsDouble()));
    }
  }

  /** What YaRN multiplies cosine and sine by, if nothing else is said. */
  static double yarnAttention(double factor) {
    return factor <= 1 ? 1 : 0.1 * StrictMath.log(factor) + 1;
  }

  private void tokens() {
    metadata
        .whole("tokenizer.ggml.bos_token_id", Integer.MIN_VALUE, MAX_WHOLE)
        .ifPresent(id -> config.put("bos_token_id", id));
    Set<Integer> ends = GgufTokens.endOfText(metadata);
    ArrayNode array = config.putArray("eos_token_id");
    ends.forEach(array::add);
  }

  private void presence() {
    config.put("tie_word_embeddings", !model.has(GgufNames.ALL.head()));
    boolean bias = model.has("blk.0.attn_q.bias");
    switch (architecture.modelType()) {
      case "qwen2_moe" -> {
        config.put("qkv_bias", bias);
        denseLayers();
      }
      case "qwen3_moe" -> {
        config.put("attention_bias", bias);
        denseLayers();
      }
      case "olmoe" -> config.put("attention_bias", bias);
      default -> {
        // A bias that the family has not is refused as a tensor that nobody asks for.
      }
    }
  }

  private void denseLayers() {
    ArrayNode dense = config.putArray("mlp_only_layers");
    int layers = Math.min(MAX_LAYERS, whole(GgufKey.LAYERS).orElse(0));
    for (int i = 0; i < layers; i++) {
      if (!model.has("blk.%d.ffn_gate_inp.weight".formatted(i))
          && model.has("blk.%d.ffn_gate.weight".formatted(i))) {
        dense.add(i);
      }
    }
  }

  private Optional<GgufTensor> tensor(String name) {
    return model.files().stream()
        .flatMap(file -> Optional.ofNullable(file.tensors().get(name)).stream())
        .findFirst();
  }

  private void put(GgufKey key) {
    put(config, key);
  }

  private void put(ObjectNode into, GgufKey key) {
    switch (key.kind()) {
      case WHOLE -> whole(key).ifPresent(value -> into.put(key.field(), value));
      case REAL -> real(key).ifPresent(value -> into.put(key.field(), value));
      case TEXT -> text(key).ifPresent(value -> into.put(key.field(), value));
      case IGNORED -> {}
    }
  }

  private OptionalInt whole(GgufKey key) {
    return metadata.whole(key(key), 0, MAX_WHOLE);
  }

  private OptionalDouble real(GgufKey key) {
    return metadata.real(key(key));
  }

  private Optional<String> text(GgufKey key) {
    return metadata.text(key(key));
  }

  private String key(GgufKey key) {
    return architecture.key(key.suffix());
  }

  /** A message about fields, with the keys that they came from. */
  private String inKeys(String message) {
    String text = message;
    Set<String> done = new HashSet<>();
    for (GgufKey key : GgufKey.values()) {
      if (!key.field().isEmpty() && done.add(key.field())) {
        text = text.replaceAll("\\b" + key.field() + "\\b", key(key));
      }
    }
    return text;
  }
}
