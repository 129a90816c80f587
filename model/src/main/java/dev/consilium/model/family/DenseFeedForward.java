package dev.consilium.model.family;

/**
 * One block for every token: {@code down(activation(gate x, up x))}.
 *
 * @param intermediateSize width inside the block
 */
public record DenseFeedForward(int intermediateSize, BlockBody body) implements FeedForwardSpec {

  /** Of SwiGLU without biases. */
  public DenseFeedForward(int intermediateSize) {
    this(intermediateSize, BlockBody.SWIGLU);
  }
}
