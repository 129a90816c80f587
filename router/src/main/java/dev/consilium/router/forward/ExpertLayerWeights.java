package dev.consilium.router.forward;

import dev.consilium.model.family.MixtureOfExperts;

/** Weights of a layer with experts, but the routed experts' own. */
record ExpertLayerWeights(MixtureOfExperts spec, GateWeights gate, SharedWeights shared)
    implements FeedForwardWeights {
  @Override
  public long matrixBytes() {
    return gate.matrix().byteSize() + shared.matrixBytes();
  }

  @Override
  public void close() {
    gate.close();
    shared.close();
  }
}
