package dev.consilium.model.family;

/**
 * The norm in front of every block and of the head.
 *
 * @param kind what it does
 * @param epsilon added to the mean square
 */
public record NormSpec(Kind kind, float epsilon) {

  /** What a norm does. */
  public enum Kind {
    /** Divides by the root mean square, multiplies by the weights. */
    RMS,
    /** As {@link #RMS}; files hold what is to be added to 1. */
    RMS_AROUND_ONE,
    /** Subtracts the mean, then as {@link #RMS}, then adds the biases. */
    LAYER
  }
}
