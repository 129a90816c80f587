package dev.consilium.model.family;

/**
 * One layer: norm, attention, residual addition, norm, feed-forward, residual addition. Either half
 * may be missing, with its norm and addition: {@link NoMixing}, {@link NoFeedForward}.
 *
 * @param index from 0, the layer next to the embedding
 * @param attentionResidual of the residual addition behind attention
 * @param feedForwardResidual of the one behind the feed-forward block
 */
public record LayerSpec(
    int index,
    AttentionSpec attention,
    FeedForwardSpec feedForward,
    ResidualFactors attentionResidual,
    ResidualFactors feedForwardResidual) {

  public LayerSpec {
    if (attention instanceof NoMixing && feedForward instanceof NoFeedForward) {
      throw new IllegalArgumentException("layer " + index + " has neither half");
    }
  }

  /** With plain additions. */
  public LayerSpec(int index, AttentionSpec attention, FeedForwardSpec feedForward) {
    this(index, attention, feedForward, ResidualFactors.NONE, ResidualFactors.NONE);
  }
}
