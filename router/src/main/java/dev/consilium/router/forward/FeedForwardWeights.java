package dev.consilium.router.forward;

import dev.consilium.model.expert.BlockComputation;
import dev.consilium.model.family.DenseFeedForward;
import dev.consilium.model.family.FeedForwardNames;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.NoFeedForward;
import dev.consilium.model.family.NoSharedExperts;
import dev.consilium.model.family.SharedExpert;
import java.util.Optional;

/** Weights of one layer's feed-forward block but the routed experts'. */
sealed interface FeedForwardWeights permits DenseWeights, ExpertLayerWeights {
  /** Empty if the layer has no feed-forward block. */
  static Optional<FeedForwardWeights> load(
      WeightLoader loader, LayerSpec layer, BlockComputation blocks) {
    FeedForwardNames names = loader.spec().names().feedForward(layer.index());
    return switch (layer.feedForward()) {
      case DenseFeedForward dense ->
          Optional.of(
              new DenseWeights(
                  loader.block(names.dense(), dense.intermediateSize(), dense.body(), blocks)));
      case MixtureOfExperts experts ->
          Optional.of(
              new ExpertLayerWeights(
                  experts,
                  GateWeights.load(loader, names.gate(), experts.gate()),
                  shared(loader, names, experts, blocks),
                  experts.narrow().map(spec -> NarrowWeights.load(loader, names, spec))));
      case NoFeedForward() -> Optional.empty();
    };
  }

  private static SharedWeights shared(
      WeightLoader loader,
      FeedForwardNames names,
      MixtureOfExperts experts,
      BlockComputation blocks) {
    return switch (experts.shared()) {
      case NoSharedExperts() -> new SharedWeights.None();
      case SharedExpert shared -> SharedWeights.Block.load(loader, names, shared, blocks);
    };
  }

  /** Bytes of the matrices; every token needs them all. */
  long matrixBytes();
}
