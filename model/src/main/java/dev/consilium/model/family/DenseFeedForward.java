package dev.consilium.model.family;

/**
 * One gated block for every token: {@code down(silu(gate x) * up x)}.
 *
 * @param intermediateSize width inside the block
 * @param biases whether its three matrices have biases
 */
public record DenseFeedForward(int intermediateSize, boolean biases) implements FeedForwardSpec {

  /** Without biases. */
  public DenseFeedForward(int intermediateSize) {
    this(intermediateSize, false);
  }
}
