package dev.consilium.model.family;

/**
 * The norms of a model's blocks and of its head.
 *
 * @param kind what one does
 * @param place where those of blocks are; that of the head is in front of it
 * @param epsilon added to the mean square, from 0 to 1; with 0 a row of zeros becomes NaN, as in
 *     the references, and a prompt that has such a token ends in an error
 */
public record NormSpec(Kind kind, Place place, float epsilon) {

  /** What a norm does. */
  public enum Kind {
    /** Divides by the root mean square, multiplies by the weights. */
    RMS,
    /** As {@link #RMS}; files hold what is to be added to 1. */
    RMS_AROUND_ONE,
    /** Subtracts the mean, then as {@link #RMS}, then adds the biases. */
    LAYER,
    /** The same without biases. */
    LAYER_UNBIASED;

    /** Whether the mean is subtracted. */
    public boolean centres() {
      return this == LAYER || this == LAYER_UNBIASED;
    }

    /** Whether files hold biases. */
    public boolean biased() {
      return this == LAYER;
    }
  }

  /** Where a norm is. */
  public enum Place {
    /** In front of a block: on what it is given. */
    BEFORE,
    /** The same, and what it gives goes on as the residual stream. */
    ON_STREAM,
    /** Behind a block: on what it adds to the residual stream. */
    AFTER
  }
}
