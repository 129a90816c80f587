package dev.consilium.router.forward;

import dev.consilium.model.family.MixtureOfExperts;
import java.util.Optional;

/**
 * Weights of a layer with experts, but the routed experts' own.
 *
 * @param narrow where routed experts see narrow tokens
 */
record ExpertLayerWeights(
    MixtureOfExperts spec, GateWeights gate, SharedWeights shared, Optional<NarrowWeights> narrow)
    implements FeedForwardWeights {
  @Override
  public long matrixBytes() {
    return gate.matrix().byteSize()
        + shared.matrixBytes()
        + narrow.map(NarrowWeights::matrixBytes).orElse(0L);
  }
}
