package dev.consilium.model.family;

/**
 * Names of a layer's feed-forward weights. All are there whether or not the layer has that weight:
 * {@link FeedForwardSpec} says which it has.
 *
 * @param norm before the feed-forward block, {@code [hiddenSize]}
 * @param gate the gating network, {@code [expertCount, hiddenSize]}
 * @param expertTemplate of a routed expert, with <code>{expert}</code> open
 * @param shared of the shared expert
 * @param sharedGate what weighs the shared expert, {@code [1, hiddenSize]}
 * @param dense of a layer without experts
 */
public record FeedForwardNames(
    String norm,
    String gate,
    GatedNames expertTemplate,
    GatedNames shared,
    String sharedGate,
    GatedNames dense) {

  /** Names of one routed expert's weights. */
  public GatedNames expert(int index) {
    return expertTemplate.filled("{expert}", index);
  }

  FeedForwardNames forLayer(int layer) {
    return new FeedForwardNames(
        WeightNames.fill(norm, "{layer}", layer),
        WeightNames.fill(gate, "{layer}", layer),
        expertTemplate.filled("{layer}", layer),
        shared.filled("{layer}", layer),
        WeightNames.fill(sharedGate, "{layer}", layer),
        dense.filled("{layer}", layer));
  }
}
