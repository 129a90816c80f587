package dev.consilium.model.family;

import dev.consilium.model.family.FeedForwardRules.Layers;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Makes a specification of a family's declaration and a configuration. Sizes are bounded far above
 * any real model, so that nothing computed from them overflows; a configuration may be hostile.
 *
 * <p>Not thread-safe; lives for one {@link #read}.
 */
final class SpecReader {

  private static final int MAX_HIDDEN = 1 << 20;
  private static final int MAX_VOCABULARY = 1 << 24;
  private static final int MAX_CONTEXT = 1 << 30;
  private static final int MAX_LAYERS = 4096;

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

  /** What stands around the configuration of a text model that is part of a larger one. */
  private static final Set<String> OF_TEXT_AND_IMAGES =
      Set.of(
          "bos_token_id",
          "eos_token_id",
          "image_token_id",
          "video_token_id",
          "vision_config",
          "vision_end_token_id",
          "vision_start_token_id",
          "vocab_size");

  /** What every Hugging Face configuration may hold and what we do not implement. */
  private static final Map<String, Set<String>> NEUTRAL =
      Map.of(
          "add_cross_attention", Set.of("false"),
          "cross_attention_hidden_size", Set.of(),
          "is_encoder_decoder", Set.of("false"),
          "pretraining_tp", Set.of("1"),
          "pruned_heads", Set.of("{}"),
          "tie_encoder_decoder", Set.of("false"));

  private final ModelFamily family;
  private final ConfigFields fields;
  private final ConfigFields ofStorage;

  /**
   * A reader.
   *
   * @param fields of the text model
   * @param ofStorage those beside what says how weights are stored
   */
  private SpecReader(ModelFamily family, ConfigFields fields, ConfigFields ofStorage) {
    this.family = family;
    this.fields = fields;
    this.ofStorage = ofStorage;
  }

  /** The specification that a configuration stands for. */
  static ModelSpec read(ModelFamily family, ConfigFields config) {
    ModelFamily.ConfigPlace place = family.config();
    String section = place.section();
    if (section.isEmpty()) {
      return readUsual(family, config.named(place.parts(), place.names()));
    }
    ConfigFields text =
        config
            .object(section)
            .orElseThrow(() -> config.wrong(section, "an object: the text model"));
    ModelSpec spec = new SpecReader(family, text, QuantisationReader.place(text, config)).read();
    new SpecReader(family, config, config).checkAround(spec);
    return spec;
  }

  /** The same, if all fields stand outside and have their usual names. */
  static ModelSpec readUsual(ModelFamily family, ConfigFields config) {
    return new SpecReader(family, config, config).read();
  }

  /** What stands around the text model's section: nothing that contradicts it. */
  private void checkAround(ModelSpec spec) {
    checkArchitecture();
    if (fields.flag("tie_word_embeddings", spec.tiedEmbeddings()) != spec.tiedEmbeddings()) {
      throw fields.wrong("tie_word_embeddings", "the same as in " + family.config().section());
    }
    fields.ignore(IGNORED);
    fields.ignore(OF_TEXT_AND_IMAGES);
    fields.refuseUnread();
  }

  private ModelSpec read() {
    NEUTRAL.forEach(fields::neutral);
    family.neutral().forEach(fields::neutral);
    checkArchitecture();
    checkActivation();
    int hidden = fields.integer("hidden_size", 1, MAX_HIDDEN);
    int vocabulary = fields.integer("vocab_size", 1, MAX_VOCABULARY);
    int context = fields.integer("max_position_embeddings", 1, MAX_CONTEXT);
    NormSpec norm = family.blocks().norm(fields);
    Multipliers multipliers = family.blocks().multipliers(fields);
    boolean headBias = family.blocks().headBias().read(fields);
    boolean tied = fields.flag("tie_word_embeddings", family.blocks().tied());
    List<LayerSpec> layers = layers(hidden, context);
    int predictionLayers =
        fields.optionalInteger("num_nextn_predict_layers", 0, MAX_LAYERS).orElse(0);
    WeightNames names = new QuantisationReader(ofStorage, family).read();
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
        norm,
        multipliers,
        tied,
        headBias,
        layers,
        predictionLayers,
        tokens,
        names);
  }

  private void checkArchitecture() {
    List<String> architectures = fields.texts("architectures");
    boolean known =
        architectures.contains(family.architecture())
            || architectures.stream().anyMatch(family.otherNames()::contains);
    if (!architectures.isEmpty() && !known) {
      throw fields.wrong("architectures", "[\"" + family.architecture() + "\"]");
    }
  }

  private void checkActivation() {
    String activation = fields.optionalText("hidden_act").orElse("silu");
    if (!activation.equals("silu")) {
      throw fields.wrong("hidden_act", "\"silu\", the only activation supported");
    }
  }

  private TokenDefaults tokens(int vocabulary) {
    return new TokenDefaults(
        fields.optionalInteger("bos_token_id", 0, vocabulary - 1),
        fields.integers("eos_token_id", 0, vocabulary - 1));
  }

  private List<LayerSpec> layers(int hidden, int context) {
    int count = layerCount();
    List<AttentionSpec> attentions = attentions(count, hidden, context);
    List<Optional<RecurrentAttention>> recurrent =
        new RecurrentReader(family.recurrence(), fields).read(count, hidden);
    List<FeedForwardSpec> feedForwards =
        new FeedForwardReader(family.feedForward(), fields).read(count);
    BlockRules blocks = family.blocks();
    ResidualFactors full = blocks.residual(fields, "full_attn");
    ResidualFactors linear = blocks.residual(fields, "linear_attn");
    ResidualFactors mlp = blocks.residual(fields, "mlp");
    List<LayerSpec> layers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      AttentionSpec attention =
          recurrent.get(i).<AttentionSpec>map(layer -> layer).orElse(attentions.get(i));
      boolean attends = recurrent.get(i).isEmpty();
      layers.add(new LayerSpec(i, attention, feedForwards.get(i), attends ? full : linear, mlp));
    }
    return layers;
  }

  private int layerCount() {
    if (family.feedForward().layers() == Layers.FIRST_OF_TWO) {
      return 2 * fields.integer("num_hidden_layers", 1, MAX_LAYERS / 2);
    }
    if (family.feedForward().layers() != Layers.SINGLE_BLOCKS) {
      return fields.integer("num_hidden_layers", 1, MAX_LAYERS);
    }
    int count = SingleBlocks.read(fields).size();
    if (fields.optionalInteger("num_hidden_layers", 1, MAX_LAYERS).orElse(count) != count) {
      throw fields.wrong("num_hidden_layers", count + ", as the list of layers says");
    }
    return count;
  }

  private List<AttentionSpec> attentions(int layers, int hidden, int context) {
    return switch (family.attention()) {
      case AttentionRules rules -> new AttentionReader(rules, fields).read(layers, hidden, context);
      case LatentRules rules ->
          Collections.nCopies(layers, new LatentReader(rules, fields, hidden, context).read());
    };
  }

  /** The context that YaRN stretches the trained one to; 0 without YaRN. */
  private static int stretchedContext(List<LayerSpec> layers) {
    return layers.stream().mapToInt(layer -> stretchedContext(layer.attention())).max().orElse(0);
  }

  private static int stretchedContext(AttentionSpec attention) {
    return switch (attention) {
      case GroupedQueryAttention grouped ->
          grouped.rotary().map(SpecReader::stretchedContext).orElse(0);
      case LatentAttention latent -> latent.rotary().map(SpecReader::stretchedContext).orElse(0);
      case RecurrentAttention _, NoMixing _ -> 0;
    };
  }

  private static int stretchedContext(RotarySpec rotary) {
    return rotary.scaling() instanceof YarnScaling yarn
        ? (int) Math.min(MAX_CONTEXT, yarn.originalContextLength() * yarn.factor())
        : 0;
  }
}
