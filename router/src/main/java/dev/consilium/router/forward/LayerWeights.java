package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.expert.GatedBlocks;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.tensor.F32Vector;

/**
 * Weights of one layer but the routed experts'.
 *
 * @param attentionNorm {@code [hiddenSize]}
 * @param feedForwardNorm {@code [hiddenSize]}
 */
record LayerWeights(
    F32Vector attentionNorm,
    AttentionWeights attention,
    F32Vector feedForwardNorm,
    FeedForwardWeights feedForward)
    implements AutoCloseable {

  static LayerWeights load(Checkpoint checkpoint, LayerSpec layer, GatedBlocks blocks) {
    ModelSpec spec = checkpoint.spec();
    return new LayerWeights(
        Norms.weight(checkpoint, spec.names().attention(layer.index()).norm(), spec.hiddenSize()),
        AttentionWeights.load(checkpoint, layer),
        Norms.weight(checkpoint, spec.names().feedForward(layer.index()).norm(), spec.hiddenSize()),
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
