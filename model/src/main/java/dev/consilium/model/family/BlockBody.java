package dev.consilium.model.family;

/**
 * What a feed-forward block is, but for its size: a routed expert, one that sees every token, or
 * that of a layer without experts.
 *
 * @param activation between its products; says whether there is a gate matrix
 * @param biases whether its matrices have biases
 */
public record BlockBody(Activation activation, boolean biases) {

  /** SwiGLU without biases: most families. */
  public static final BlockBody SWIGLU = new BlockBody(new Activation.SwiGlu(), false);
}
