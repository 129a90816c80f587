package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.expert.GatedBlocks;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.ModelSpec;

/**
 * Weights of one layer but the routed experts'.
 *
 * @param attentionNorm before attention
 * @param feedForwardNorm before the feed-forward block
 */
record LayerWeights(
    Norm attentionNorm,
    AttentionWeights attention,
    Norm feedForwardNorm,
    FeedForwardWeights feedForward)
    implements AutoCloseable {

  static LayerWeights load(Checkpoint checkpoint, LayerSpec layer, GatedBlocks blocks) {
    ModelSpec spec = checkpoint.spec();
    return new LayerWeights(
        Norm.load(checkpoint, spec.names().attention(layer.index()).norm()),
        AttentionWeights.load(checkpoint, layer),
        Norm.load(checkpoint, spec.names().feedForward(layer.index()).norm()),
        FeedForwardWeights.load(checkpoint, layer, blocks));
  }

  /** Bytes of the matrices; every token needs them all. */
  long matrixBytes() {
    return attention.matrixBytes() + feedForward.matrixBytes();
  }

  @Override
  public void close() {
    attention.close();
    feedForward.close();
  }
}
