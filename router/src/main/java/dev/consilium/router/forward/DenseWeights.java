package dev.consilium.router.forward;

import dev.consilium.model.expert.FeedForwardBlock;

/** Weights of a layer without experts. */
record DenseWeights(FeedForwardBlock block) implements FeedForwardWeights {
  @Override
  public long matrixBytes() {
    return block.memoryBytes();
  }
}
