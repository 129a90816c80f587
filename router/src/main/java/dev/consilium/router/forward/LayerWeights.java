package dev.consilium.router.forward;

import dev.consilium.model.expert.BlockComputation;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.ModelSpec;
import java.util.Optional;

/**
 * Weights of one layer but the routed experts'.
 *
 * @param attention empty if nothing mixes tokens
 * @param feedForward empty if the layer only mixes tokens
 */
record LayerWeights(
    Optional<Half<AttentionWeights>> attention, Optional<Half<FeedForwardWeights>> feedForward) {

  /**
   * A block with its norm.
   *
   * @param norm before the block, or behind it
   */
  record Half<W>(Norm norm, W weights) {}

  static LayerWeights load(WeightLoader loader, LayerSpec layer, BlockComputation blocks) {
    ModelSpec spec = loader.spec();
    int index = layer.index();
    return new LayerWeights(
        AttentionWeights.load(loader, layer)
            .map(weights ->
                new Half<>(Norm.load(loader, spec.names().attention(index).norm()), weights)),
        FeedForwardWeights.load(loader, layer, blocks)
            .map(weights ->
                new Half<>(Norm.load(loader, spec.names().feedForward(index).norm()), weights)));
  }

  /** Bytes of the matrices; every token needs them all. */
  long matrixBytes() {
    return attention.map(half -> half.weights().matrixBytes()).orElse(0L)
        + feedForward.map(half -> half.weights().matrixBytes()).orElse(0L);
  }
}
