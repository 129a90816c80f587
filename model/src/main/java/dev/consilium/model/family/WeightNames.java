package dev.consilium.model.family;

import java.util.List;

/**
 * What a family's checkpoints call each weight. Names of layers and experts are templates with
 * <code>{layer}</code> and <code>{expert}</code> in them; {@link #attention}, {@link #feedForward}
 * and {@link FeedForwardNames#expert} fill them in.
 *
 * @param embedding shape {@code [vocabularySize, hiddenSize]}
 * @param finalNorm shape {@code [hiddenSize]}
 * @param head shape {@code [vocabularySize, hiddenSize]}; not in the file when embeddings are tied
 * @param attentionTemplate names of attention weights, with <code>{layer}</code> open
 * @param feedForwardTemplate names of feed-forward weights, with <code>{layer}</code> open
 * @param storage how files hold the weights of these names
 * @param unused what names of weights begin with that files may hold and that we do not use: other
 *     inputs than text, predictions further ahead
 */
public record WeightNames(
    String embedding,
    String finalNorm,
    String head,
    AttentionNames attentionTemplate,
    FeedForwardNames feedForwardTemplate,
    WeightStorage storage,
    List<String> unused) {

  /** Stands for the number of a layer. */
  static final String LAYER = "{layer}";

  /** Stands for the same in files in which two of our layers are one. */
  static final String PAIR = "{layer/2}";

  /** Stands there for which of the two it is, 0 or 1. */
  static final String HALF = "{layer%2}";

  public WeightNames {
    unused = List.copyOf(unused);
  }

  /** The same names for weights that are stored otherwise. */
  public WeightNames stored(WeightStorage otherwise) {
    return new WeightNames(
        embedding, finalNorm, head, attentionTemplate, feedForwardTemplate, otherwise, unused);
  }

  /** The same names for recurrent layers that are arranged otherwise. */
  public WeightNames arranged(RecurrentNames.Arrangement other) {
    return withAttention(
        attentionTemplate.withRecurrent(attentionTemplate.recurrent().arranged(other)));
  }

  /** The same names but for attention. */
  public WeightNames withAttention(AttentionNames template) {
    return new WeightNames(
        embedding, finalNorm, head, template, feedForwardTemplate, storage, unused);
  }

  /** The same names but for feed-forward blocks. */
  public WeightNames withFeedForward(FeedForwardNames template) {
    return new WeightNames(
        embedding, finalNorm, head, attentionTemplate, template, storage, unused);
  }

  /** The same names but for the norm in front of the head. */
  public WeightNames withFinalNorm(String name) {
    return new WeightNames(
        embedding, name, head, attentionTemplate, feedForwardTemplate, storage, unused);
  }

  /** Names of the attention weights of a layer. */
  public AttentionNames attention(int layer) {
    return attentionTemplate.forLayer(layer);
  }

  /** Names of the feed-forward weights of a layer. */
  public FeedForwardNames feedForward(int layer) {
    return feedForwardTemplate.forLayer(layer);
  }

  /** The bias beside a weight: Hugging Face and GGUF call it the same but for the ending. */
  public static String bias(String weight) {
    if (!weight.endsWith(".weight")) {
      throw new IllegalArgumentException(weight + " does not end in .weight");
    }
    return weight.substring(0, weight.length() - "weight".length()) + "bias";
  }

  /** A name in one of our layers. */
  static String ofLayer(String template, int layer) {
    String numbered = fill(template, LAYER, layer);
    return fill(fill(numbered, PAIR, layer / 2), HALF, layer % 2);
  }

  static String fill(String template, String place, int index) {
    return template.replace(place, Integer.toString(index));
  }
}
