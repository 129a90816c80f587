package dev.consilium.model.family;

/**
 * One block beside the routed experts, added to their sum. Several such blocks of one width are one
 * of all their widths together, and that is how files hold them.
 *
 * @param intermediateSize width inside the block
 * @param sigmoidGated whether its output is multiplied by the sigmoid of a learned product with the
 *     token
 */
public record SharedExpert(int intermediateSize, boolean sigmoidGated, BlockBody body)
    implements SharedExperts {

  /** Of SwiGLU without biases. */
  public SharedExpert(int intermediateSize, boolean sigmoidGated) {
    this(intermediateSize, sigmoidGated, BlockBody.SWIGLU);
  }
}
