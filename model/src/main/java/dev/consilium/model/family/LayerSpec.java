package dev.consilium.model.family;

/**
 * One layer: norm, attention, residual addition, norm, feed-forward, residual addition.
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

  /** With plain additions. */
  public LayerSpec(int index, AttentionSpec attention, FeedForwardSpec feedForward) {
    this(index, attention, feedForward, ResidualFactors.NONE, ResidualFactors.NONE);
  }
}
