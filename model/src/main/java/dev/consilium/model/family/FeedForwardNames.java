package dev.consilium.model.family;

/**
 * Names of a layer's feed-forward weights. All are there whether or not the layer has that weight:
 * {@link FeedForwardSpec} says which it has.
 *
 * @param norm before the feed-forward block, {@code [hiddenSize]}
 * @param gate the gating network
 * @param expertTemplate of a routed expert, with <code>{expert}</code> open
 * @param expertBiasTemplate of its biases, as many as the matrix has rows
 * @param shared of the shared expert, or of all of them in one
 * @param sharedGate what weighs the shared expert, {@code [1, hiddenSize]}
 * @param dense of a layer without experts
 * @param narrow makes {@link NarrowTokens}, {@code [width, hiddenSize]}
 * @param wide brings the experts' sum back, {@code [hiddenSize, width]}
 */
public record FeedForwardNames(
    String norm,
    GateNames gate,
    BlockNames expertTemplate,
    BlockNames expertBiasTemplate,
    BlockNames shared,
    String sharedGate,
    BlockNames dense,
    String narrow,
    String wide) {

  /** Names of one routed expert's weights. */
  public BlockNames expert(int index) {
    return expertTemplate.filled("{expert}", index);
  }

  /** Names of one routed expert's biases. */
  public BlockNames expertBias(int index) {
    return expertBiasTemplate.filled("{expert}", index);
  }

  /** The same names but for the norm. */
  public FeedForwardNames withNorm(String other) {
    return new FeedForwardNames(
        other, gate, expertTemplate, expertBiasTemplate, shared, sharedGate, dense, narrow, wide);
  }

  /** The same names but for the gate's correction bias. */
  public FeedForwardNames withCorrectionBias(String other) {
    return new FeedForwardNames(
        norm,
        new GateNames(gate.weight(), gate.bias(), other),
        expertTemplate,
        expertBiasTemplate,
        shared,
        sharedGate,
        dense,
        narrow,
        wide);
  }

  FeedForwardNames forLayer(int layer) {
    return new FeedForwardNames(
        WeightNames.ofLayer(norm, layer),
        gate.forLayer(layer),
        expertTemplate.ofLayer(layer),
        expertBiasTemplate.ofLayer(layer),
        shared.ofLayer(layer),
        WeightNames.ofLayer(sharedGate, layer),
        dense.ofLayer(layer),
        WeightNames.ofLayer(narrow, layer),
        WeightNames.ofLayer(wide, layer));
  }
}
