package dev.consilium.router.forward;

import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.LinearAttention;
import dev.consilium.model.family.Mamba1;
import dev.consilium.model.family.NoMixing;
import dev.consilium.model.family.ShortConvolution;
import java.util.Optional;

/** Weights of what mixes tokens in a layer. */
sealed interface AttentionWeights
    permits GroupedQueryWeights,
        LatentWeights,
        LinearWeights,
        Mamba1Weights,
        ShortConvolutionWeights {
  /** Empty if nothing mixes tokens. */
  static Optional<AttentionWeights> load(WeightLoader loader, LayerSpec layer) {
    int index = layer.index();
    return switch (layer.attention()) {
      case GroupedQueryAttention grouped ->
          Optional.of(GroupedQueryWeights.load(loader, index, grouped));
      case LinearAttention linear -> Optional.of(LinearWeights.load(loader, index, linear));
      case Mamba1 mamba -> Optional.of(Mamba1Weights.load(loader, index, mamba));
      case ShortConvolution convolution ->
          Optional.of(ShortConvolutionWeights.load(loader, index, convolution));
      case LatentAttention latent -> Optional.of(LatentWeights.load(loader, index, latent));
      case NoMixing() -> Optional.empty();
    };
  }

  /** Bytes of the matrices; every token needs them all. */
  long matrixBytes();
}
