package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.expert.GatedFeedForward;
import dev.consilium.model.family.DenseFeedForward;
import dev.consilium.model.family.FeedForwardNames;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.NoSharedExperts;
import dev.consilium.model.family.SharedExpert;
import dev.consilium.tensor.CpuDevice;

/** Weights of one layer's feed-forward block but the routed experts'. */
sealed interface FeedForwardWeights extends AutoCloseable permits DenseWeights, ExpertLayerWeights {
  static FeedForwardWeights load(Checkpoint checkpoint, LayerSpec layer, CpuDevice device) {
    FeedForwardNames names = checkpoint.spec().names().feedForward(layer.index());
    return switch (layer.feedForward()) {
      case DenseFeedForward dense ->
          new DenseWeights(
              GatedFeedForward.load(checkpoint, names.dense(), dense.intermediateSize(), device));
      case MixtureOfExperts experts ->
          new ExpertLayerWeights(
              experts,
              checkpoint.matrix(
                  names.gate(), experts.gate().expertCount(), checkpoint.spec().hiddenSize()),
              shared(checkpoint, names, experts, device));
    };
  }

  private static SharedWeights shared(
      Checkpoint checkpoint, FeedForwardNames names, MixtureOfExperts experts, CpuDevice device) {
    return switch (experts.shared()) {
      case NoSharedExperts() -> new SharedWeights.None();
      case SharedExpert shared -> SharedWeights.Block.load(checkpoint, names, shared, device);
    };
  }

  /** Bytes of the matrices; every token needs them all. */
  long matrixBytes();

  @Override
  void close();
}
