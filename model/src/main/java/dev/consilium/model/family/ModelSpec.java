package dev.consilium.model.family;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Everything about a model that its weights do not say.
 *
 * @param family the {@code model_type} of the configuration, for example {@code qwen3_moe}
 * @param architecture the class name the reference uses, for example {@code Qwen3MoeForCausalLM};
 *     for people only
 * @param hiddenSize width of the residual stream
 * @param vocabularySize rows of the embedding, and logits per token
 * @param contextLength most tokens of prompt and answer together
 * @param norm in front of every block and of the head
 * @param multipliers constants that embeddings, residual additions and logits are multiplied by
 * @param tiedEmbeddings whether the output head is the embedding matrix
 * @param headBias whether the output head has a bias
 * @param layers by index, from the embedding up
 * @param predictionLayers layers behind those, which predict tokens further ahead; files may hold
 *     them, and we use none
 * @param tokens ids with a meaning
 * @param names what the checkpoint calls each weight
 */
public record ModelSpec(
    String family,
    String architecture,
    int hiddenSize,
    int vocabularySize,
    int contextLength,
    NormSpec norm,
    Multipliers multipliers,
    boolean tiedEmbeddings,
    boolean headBias,
    List<LayerSpec> layers,
    int predictionLayers,
    TokenDefaults tokens,
    WeightNames names) {

  public ModelSpec {
    layers = List.copyOf(layers);
    for (int i = 0; i < layers.size(); i++) {
      if (layers.get(i).index() != i) {
        throw new IllegalArgumentException(
            "layer " + layers.get(i).index() + " stands at place " + i);
      }
    }
    for (int i = 0; i < layers.size(); i++) {
      boolean late = layers.get(i).feedForward() instanceof MixtureOfExperts it && it.late();
      if (late
          && !(i + 1 < layers.size()
              && layers.get(i + 1).feedForward() instanceof DenseFeedForward)) {
        throw new IllegalArgumentException(
            "experts of layer " + i + " are late, and the next layer has no dense block");
      }
    }
    if (expertWidths(layers, hiddenSize).limit(2).count() > 1) {
      throw new IllegalArgumentException("experts of several widths");
    }
  }

  /** The same model in a checkpoint that calls its weights otherwise. */
  public ModelSpec withNames(WeightNames other) {
    return new ModelSpec(
        family,
        architecture,
        hiddenSize,
        vocabularySize,
        contextLength,
        norm,
        multipliers,
        tiedEmbeddings,
        headBias,
        layers,
        predictionLayers,
        tokens,
        other);
  }

  /** The same model with norms that say otherwise what is in files. */
  public ModelSpec withNorm(NormSpec other) {
    return new ModelSpec(
        family,
        architecture,
        hiddenSize,
        vocabularySize,
        contextLength,
        other,
        multipliers,
        tiedEmbeddings,
        headBias,
        layers,
        predictionLayers,
        tokens,
        names);
  }

  /** The same model with other layers. */
  public ModelSpec withLayers(List<LayerSpec> others) {
    return new ModelSpec(
        family,
        architecture,
        hiddenSize,
        vocabularySize,
        contextLength,
        norm,
        multipliers,
        tiedEmbeddings,
        headBias,
        others,
        predictionLayers,
        tokens,
        names);
  }

  /** Added to the mean square inside every norm. */
  public float normEpsilon() {
    return norm.epsilon();
  }

  /** The name of the matrix that gives the logits, shape {@code [vocabularySize, hiddenSize]}. */
  public String headName() {
    return tiedEmbeddings ? names.embedding() : names.head();
  }

  /** What routed experts take and give of a token: its width, the same in all layers. */
  public int expertWidth() {
    return expertWidths(layers, hiddenSize).findFirst().orElse(hiddenSize);
  }

  private static IntStream expertWidths(List<LayerSpec> layers, int hiddenSize) {
    return layers.stream()
        .map(LayerSpec::feedForward)
        .filter(MixtureOfExperts.class::isInstance)
        .mapToInt(experts -> ((MixtureOfExperts) experts).expertWidth(hiddenSize))
        .distinct();
  }

  /** The layers that have experts, ascending. */
  public List<LayerSpec> expertLayers() {
    return layers.stream()
        .filter(layer -> layer.feedForward() instanceof MixtureOfExperts)
        .toList();
  }

  /** Routed experts by layer, for the layers that have any. */
  public SortedMap<Integer, Integer> expertCounts() {
    SortedMap<Integer, Integer> counts = new TreeMap<>();
    for (LayerSpec layer : layers) {
      if (layer.feedForward() instanceof MixtureOfExperts experts) {
        counts.put(layer.index(), experts.gate().expertCount());
      }
    }
    return counts;
  }
}
