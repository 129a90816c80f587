package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.LinearAttention;
import dev.consilium.model.family.Mamba1;
import dev.consilium.model.family.ShortConvolution;

/** Weights of what mixes tokens in a layer. */
sealed interface AttentionWeights extends AutoCloseable
    permits GroupedQueryWeights,
        LatentWeights,
        LinearWeights,
        Mamba1Weights,
        ShortConvolutionWeights {
  static AttentionWeights load(Checkpoint checkpoint, LayerSpec layer) {
    return switch (layer.attention()) {
      case GroupedQueryAttention grouped ->
          GroupedQueryWeights.load(checkpoint, layer.index(), grouped);
      case LinearAttention linear -> LinearWeights.load(checkpoint, layer.index(), linear);
      case Mamba1 mamba -> Mamba1Weights.load(checkpoint, layer.index(), mamba);
      case ShortConvolution convolution ->
          ShortConvolutionWeights.load(checkpoint, layer.index(), convolution);
      case LatentAttention latent -> LatentWeights.load(checkpoint, layer.index(), latent);
    };
  }

  /** Bytes of the matrices; every token needs them all. */
  long matrixBytes();

  @Override
  void close();
}
