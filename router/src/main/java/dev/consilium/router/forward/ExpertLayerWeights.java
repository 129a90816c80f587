package dev.consilium.router.forward;

import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.tensor.PackedMatrix;

/**
 * Weights of a layer with experts, but the routed experts' own.
 *
 * @param gate {@code [expertCount, hiddenSize]}
 */
record ExpertLayerWeights(MixtureOfExperts spec, PackedMatrix gate, SharedWeights shared)
    implements FeedForwardWeights {
  @Override
  public long matrixBytes() {
    return gate.byteSize() + shared.matrixBytes();
  }

  @Override
  public void close() {
    gate.close();
    shared.close();
  }
}
