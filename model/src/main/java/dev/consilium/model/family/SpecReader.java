package dev.consilium.model.family;

import dev.consilium.model.family.ModelFamily.Biases;
import dev.consilium.model.family.ModelFamily.GateNormalisation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Makes a specification of a family's declaration and a configuration. Sizes are bounded far above
 * any real model, so that nothing computed from them overflows; a configuration may be hostile.
 *
 * <p>Not thread-safe; lives for one {@link #read}.
 */
final class SpecReader {

  private static final int MAX_HIDDEN = 1 << 20;
  private static final int MAX_INTERMEDIATE = 1 << 22;
  private static final int MAX_VOCABULARY = 1 << 24;
  private static final int MAX_CONTEXT = 1 << 30;
  private static final int MAX_LAYERS = 4096;
  private static final int MAX_HEADS = 4096;
  private static final int MAX_HEAD_DIM = 1 << 14;
  private static final int MAX_EXPERTS = 1 << 14;

  private static final String FULL = "full_attention";
  private static final String SLIDING = "sliding_attention";

  /** What every Hugging Face configuration may hold and what changes no logit. */
  private static final Set<String> IGNORED =
      Set.of(
          "_attn_implementation",
          "_attn_implementation_autoset",
          "_name_or_path",
          "attention_dropout",
          "auto_map",
          "bad_words_ids",
          "begin_suppress_tokens",
          "chunk_size_feed_forward",
          "decoder_start_token_id",
          "diversity_penalty",
          "do_sample",
          "dtype",
          "early_stopping",
          "encoder_no_repeat_ngram_size",
          "exponential_decay_length_penalty",
          "finetuning_task",
          "forced_bos_token_id",
          "forced_eos_token_id",
          "id2label",
          "initializer_range",
          "is_decoder",
          "keys_to_ignore_at_inference",
          "label2id",
          "length_penalty",
          "max_length",
          "min_length",
          "no_repeat_ngram_size",
          "num_beam_groups",
          "num_beams",
          "num_return_sequences",
          "output_attentions",
          "output_hidden_states",
          "output_router_logits",
          "output_scores",
          "pad_token_id",
          "prefix",
          "problem_type",
          "remove_invalid_values",
          "repetition_penalty",
          "return_dict",
          "return_dict_in_generate",
          "router_aux_loss_coef",
          "sep_token_id",
          "suppress_tokens",
          "task_specific_params",
          "temperature",
          "tf_legacy_loss",
          "tokenizer_class",
          "top_k",
          "top_p",
          "torch_dtype",
          "torchscript",
          "transformers_version",
          "typical_p",
          "unsloth_fixed",
          "unsloth_version",
          "use_bfloat16",
          "use_cache");

  /** What every Hugging Face configuration may hold and what we do not implement. */
  private static final Map<String, Set<String>> NEUTRAL =
      Map.of(
          "add_cross_attention", Set.of("false"),
          "cross_attention_hidden_size", Set.of(),
          "is_encoder_decoder", Set.of("false"),
          "mlp_bias", Set.of("false"),
          "pretraining_tp", Set.of("1"),
          "pruned_heads", Set.of("{}"),
          "quantization_config", Set.of(),
          "tie_encoder_decoder", Set.of("false"));

  private final ModelFamily family;
  private final ConfigFields fields;

  SpecReader(ModelFamily family, ConfigFields fields) {
    this.family = family;
    this.fields = fields;
  }

  ModelSpec read() {
    NEUTRAL.forEach(fields::neutral);
    family.neutral().forEach(fields::neutral);
    checkArchitecture();
    checkActivation();
    int hidden = fields.integer("hidden_size", 1, MAX_HIDDEN);
    int vocabulary = fields.integer("vocab_size", 1, MAX_VOCABULARY);
    int context = fields.integer("max_position_embeddings", 1, MAX_CONTEXT);
    double epsilon = epsilon();
    boolean tied = fields.flag("tie_word_embeddings", false);
    List<LayerSpec> layers = layers(hidden, context);
    TokenDefaults tokens = tokens(vocabulary);
    fields.ignore(IGNORED);
    fields.ignore(family.ignored());
    fields.refuseUnread();
    return new ModelSpec(
        family.modelType(),
        family.architecture(),
        hidden,
        vocabulary,
        Math.max(context, stretchedContext(layers)),
        (float) epsilon,
        tied,
        layers,
        tokens,
        family.names());
  }

  private void checkArchitecture() {
    List<String> architectures = fields.texts("architectures");
    if (!architectures.isEmpty() && !architectures.contains(family.architecture())) {
      throw fields.wrong("architectures", "[\"" + family.architecture() + "\"]");
    }
  }

  private void checkActivation() {
    String activation = fields.optionalText("hidden_act").orElse("silu");
    if (!activation.equals("silu")) {
      throw fields.wrong("hidden_act", "\"silu\", the only activation supported");
    }
  }

  private double epsilon() {
    double epsilon = fields.optionalNumber("rms_norm_eps").orElse(family.normEpsilon());
    if (epsilon < 0 || epsilon > 1) {
      throw fields.wrong("rms_norm_eps", "a number from 0 to 1");
    }
    return epsilon;
  }

  private TokenDefaults tokens(int vocabulary) {
    return new TokenDefaults(
        fields.optionalInteger("bos_token_id", 0, vocabulary - 1),
        fields.integers("eos_token_id", 0, vocabulary - 1));
  }

  private List<LayerSpec> layers(int hidden, int context) {
    int count = fields.integer("num_hidden_layers", 1, MAX_LAYERS);
    GroupedQueryAttention full = attention(hidden, context);
    List<OptionalInt> windows = windows(count);
    List<FeedForwardSpec> feedForwards = feedForwards(count);
    List<LayerSpec> layers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      layers.add(new LayerSpec(i, withWindow(full, windows.get(i)), feedForwards.get(i)));
    }
    return layers;
  }

  private GroupedQueryAttention attention(int hidden, int context) {
    int heads = fields.integer("num_attention_heads", 1, MAX_HEADS);
    int kvHeads = fields.optionalInteger("num_key_value_heads", 1, MAX_HEADS).orElse(heads);
    if (heads % kvHeads != 0) {
      throw fields.wrong(
          "num_key_value_heads", "a divisor of num_attention_heads, which is " + heads);
    }
    int headDim = headDim(hidden, heads);
    boolean queryKeyValueBias = queryKeyValueBias();
    return new GroupedQueryAttention(
        heads,
        kvHeads,
        headDim,
        (float) (1 / Math.sqrt(headDim)),
        new RotaryReader(fields, family.ropeTheta(), headDim, context).read(),
        family.qkNorm(),
        queryKeyValueBias,
        queryKeyValueBias && family.biases() == Biases.ALL,
        OptionalInt.empty());
  }

  private int headDim(int hidden, int heads) {
    OptionalInt stated = fields.optionalInteger("head_dim", 1, MAX_HEAD_DIM);
    if (stated.isEmpty() && hidden % heads != 0) {
      throw fields.wrong(
          "num_attention_heads",
          "a divisor of hidden_size, which is %d, as there is no head_dim".formatted(hidden));
    }
    int headDim = stated.orElse(hidden / heads);
    if (headDim > MAX_HEAD_DIM) {
      throw fields.wrong("num_attention_heads", "at most " + MAX_HEAD_DIM + " values per head");
    }
    // The reference of these families norms over hidden_size values and ignores a head_dim.
    if (family.qkNorm() == QkNorm.WHOLE_PROJECTION && (long) headDim * heads != hidden) {
      throw fields.wrong("head_dim", "hidden_size / num_attention_heads");
    }
    return headDim;
  }

  private boolean queryKeyValueBias() {
    return switch (family.biases()) {
      case NONE -> false;
      case QUERY_KEY_VALUE -> fields.flag("qkv_bias", true);
      case ALL -> fields.flag("attention_bias", false);
    };
  }

  private static GroupedQueryAttention withWindow(GroupedQueryAttention full, OptionalInt window) {
    return new GroupedQueryAttention(
        full.heads(),
        full.kvHeads(),
        full.headDim(),
        full.scale(),
        full.rotary(),
        full.qkNorm(),
        full.queryKeyValueBias(),
        full.outputBias(),
        window);
  }

  /** The window of each layer. */
  private List<OptionalInt> windows(int layers) {
    List<String> types = layerTypes(layers);
    OptionalInt window = fields.optionalInteger("sliding_window", 0, Integer.MAX_VALUE);
    boolean slides =
        switch (family.window()) {
          case NONE -> noWindow(window);
          case ALL_LAYERS -> window.isPresent();
          case ALL_LAYERS_IF_ENABLED -> fields.flag("use_sliding_window", false);
          case LISTED_LAYERS_IF_ENABLED -> enabledAndListed(types);
        };
    if (slides && window.orElse(0) < 1) {
      throw fields.wrong("sliding_window", "at least 1, as the window is in use");
    }
    List<OptionalInt> windows = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      windows.add(slides && slidesIn(i, types) ? window : OptionalInt.empty());
    }
    checkTypes(types, windows);
    return windows;
  }

  private boolean noWindow(OptionalInt window) {
    if (window.isPresent()) {
      throw fields.wrong("sliding_window", "none: the reference of this family has no window");
    }
    return false;
  }

  private boolean enabledAndListed(List<String> types) {
    fields.ignore(Set.of("max_window_layers"));
    boolean enabled = fields.flag("use_sliding_window", false);
    if (enabled && types.isEmpty()) {
      // Releases of the reference differ: the first max_window_layers, those after them, every
      // second, or all.
      throw fields.wrong(
          "use_sliding_window",
          "false, or a field layer_types that says which layers slide: releases of the reference differ in what"
              + " max_window_layers means");
    }
    return enabled;
  }

  private boolean slidesIn(int layer, List<String> types) {
    return family.window() != ModelFamily.Window.LISTED_LAYERS_IF_ENABLED
        || types.get(layer).equals(SLIDING);
  }

  private List<String> layerTypes(int layers) {
    List<String> types = fields.texts("layer_types");
    if (!types.isEmpty() && types.size() != layers) {
      throw fields.wrong("layer_types", layers + " entries, one per layer");
    }
    for (String type : types) {
      if (!type.equals(FULL) && !type.equals(SLIDING)) {
        throw fields.wrong("layer_types", "only " + FULL + " and " + SLIDING);
      }
    }
    return types;
  }

  /** A list that says otherwise than the fields that the reference goes by is a contradiction. */
  private void checkTypes(List<String> types, List<OptionalInt> windows) {
    for (int i = 0; i < types.size(); i++) {
      if (types.get(i).equals(SLIDING) != windows.get(i).isPresent()) {
        throw fields.wrong(
            "layer_types",
            (windows.get(i).isPresent() ? SLIDING : FULL)
                + " for layer "
                + i
                + ", by the window fields");
      }
    }
  }

  /** The feed-forward block of each layer. */
  private List<FeedForwardSpec> feedForwards(int layers) {
    MixtureOfExperts experts = experts();
    List<FeedForwardSpec> all = new ArrayList<>();
    switch (family.feedForward()) {
      case ALL_EXPERTS -> {
        for (int i = 0; i < layers; i++) {
          all.add(experts);
        }
      }
      case SPARSE_STEP -> {
        int step = fields.optionalInteger("decoder_sparse_step", 1, Integer.MAX_VALUE).orElse(1);
        Set<Integer> denseLayers = Set.copyOf(fields.integers("mlp_only_layers", 0, layers - 1));
        boolean anyDense = step > 1 || !denseLayers.isEmpty();
        FeedForwardSpec dense = anyDense ? dense() : experts;
        fields.ignore(Set.of("intermediate_size"));
        for (int i = 0; i < layers; i++) {
          all.add((i + 1) % step != 0 || denseLayers.contains(i) ? dense : experts);
        }
      }
    }
    return all;
  }

  private DenseFeedForward dense() {
    return new DenseFeedForward(fields.integer("intermediate_size", 1, MAX_INTERMEDIATE));
  }

  private MixtureOfExperts experts() {
    int count = expertCount();
    int topK = fields.integer("num_experts_per_tok", 1, MAX_EXPERTS);
    if (topK > count) {
      throw fields.wrong("num_experts_per_tok", "at most the number of experts, which is " + count);
    }
    boolean normalised =
        family.gateNormalisation() == GateNormalisation.ALWAYS
            || fields.flag("norm_topk_prob", false);
    return new MixtureOfExperts(
        new GateSpec(
            count,
            topK,
            GateScore.SOFTMAX_ALL,
            normalised ? GateRenormalisation.SUM : GateRenormalisation.NONE,
            1f),
        fields.integer(family.expertSizeField(), 1, MAX_INTERMEDIATE),
        sharedExperts());
  }

  /** The reference's releases write either name. */
  private int expertCount() {
    OptionalInt local = fields.optionalInteger("num_local_experts", 1, MAX_EXPERTS);
    if (local.isEmpty()) {
      return fields.integer("num_experts", 1, MAX_EXPERTS);
    }
    int count = fields.optionalInteger("num_experts", 1, MAX_EXPERTS).orElse(local.getAsInt());
    if (count != local.getAsInt()) {
      throw fields.wrong(
          "num_experts", "the same as num_local_experts, which is " + local.getAsInt());
    }
    return count;
  }

  private SharedExperts sharedExperts() {
    return family.sharedExpert()
        ? new SharedExpert(
            fields.integer("shared_expert_intermediate_size", 1, MAX_INTERMEDIATE), true)
        : new NoSharedExperts();
  }

  /** The context that YaRN stretches the trained one to; 0 without YaRN. */
  private static int stretchedContext(List<LayerSpec> layers) {
    return layers.stream()
        .map(layer -> ((GroupedQueryAttention) layer.attention()).rotary().scaling())
        .mapToInt(scaling ->
            switch (scaling) {
              case NoScaling() -> 0;
              case YarnScaling yarn ->
                  (int) Math.min(MAX_CONTEXT, yarn.originalContextLength() * yarn.factor());
            })
        .max()
        .orElse(0);
  }
}
