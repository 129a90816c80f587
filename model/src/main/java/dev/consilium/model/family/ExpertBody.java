package dev.consilium.model.family;

/**
 * What a routed expert is, but for its size.
 *
 * @param activation between its products
 * @param biases whether its three matrices have biases
 */
public record ExpertBody(GatedActivation activation, boolean biases) {

  /** SwiGLU without biases: most families. */
  public static final ExpertBody SWIGLU = new ExpertBody(new GatedActivation.SwiGlu(), false);
}
