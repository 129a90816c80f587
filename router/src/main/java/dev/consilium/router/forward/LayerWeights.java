package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.Checkpoint;
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
    Optional<Half<AttentionWeights>> attention, Optional<Half<FeedForwardWeights>> feedForward)
    implements AutoCloseable {

  /**
   * A block with its norm.
   *
   * @param norm before the block, or behind it
   */
  record Half<W>(Norm norm, W weights) {}

  static LayerWeights load(Checkpoint checkpoint, LayerSpec layer, BlockComputation blocks) {
    ModelSpec spec = checkpoint.spec();
    int index = layer.index();
    return new LayerWeights(
        AttentionWeights.load(checkpoint, layer)
            .map(weights ->
                new Half<>(Norm.load(checkpoint, spec.names().attention(index).norm()), weights)),
        FeedForwardWeights.load(checkpoint, layer, blocks)
            .map(weights ->
                new Half<>(
                    Norm.load(checkpoint, spec.names().feedForward(index).norm()), weights)));
  }

  /** Bytes of the matrices; every token needs them all. */
  long matrixBytes() {
    return attention.map(half -> half.weights().matrixBytes()).orElse(0L)
        + feedForward.map(half -> half.weights().matrixBytes()).orElse(0L);
  }

  @Override
  public void close() {
    attention.ifPresent(half -> half.weights().close());
    feedForward.ifPresent(half -> half.weights().close());
  }
}
