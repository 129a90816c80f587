package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.RecurrentAttention;

/** Weights of what mixes tokens in a layer. */
sealed interface AttentionWeights extends AutoCloseable
    permits GroupedQueryWeights, LatentWeights, RecurrentWeights {
  static AttentionWeights load(Checkpoint checkpoint, LayerSpec layer) {
    return switch (layer.attention()) {
      case GroupedQueryAttention grouped ->
          GroupedQueryWeights.load(checkpoint, layer.index(), grouped);
      case RecurrentAttention recurrent ->
          RecurrentWeights.load(checkpoint, layer.index(), recurrent);
      case LatentAttention latent -> LatentWeights.load(checkpoint, layer.index(), latent);
    };
  }

  /** Bytes of the matrices; every token needs them all. */
  long matrixBytes();

  @Override
  void close();
}
