package dev.consilium.model.family;

/**
 * Rotary position embedding on the first {@code rotaryDim} values of every head.
 *
 * @param rotaryDim even; at most the head's size
 * @param theta base of the geometric row of wavelengths, above 1
 * @param pairing which values are turned together
 * @param scaling how the frequencies are changed for contexts longer than the trained one
 * @see <a href="https://arxiv.org/abs/2104.09864">RoFormer, section 3.2</a>
 */
public record RotarySpec(
    int rotaryDim, double theta, RotaryPairing pairing, RotaryScaling scaling) {

  public RotarySpec {
    if (rotaryDim < 2 || rotaryDim % 2 != 0) {
      throw new IllegalArgumentException(
          "rotaryDim is " + rotaryDim + ", want an even number from 2");
    }
    if (!(theta > 1) || theta > Float.MAX_VALUE) {
      throw new IllegalArgumentException("theta is " + theta + ", want a finite number above 1");
    }
    if (scaling instanceof LongRopeScaling longRope
        && longRope.shortFactors().size() != rotaryDim / 2) {
      throw new IllegalArgumentException(
          "%d longrope factors for %d values to turn, want %d"
              .formatted(longRope.shortFactors().size(), rotaryDim, rotaryDim / 2));
    }
  }

  /** Most tokens of a sequence that is turned as short ones are; most scalings know no other. */
  public int shortTokens() {
    return scaling instanceof LongRopeScaling longRope
        ? longRope.originalContextLength()
        : Integer.MAX_VALUE;
  }

  /** Pairs of halves. */
  public RotarySpec(int rotaryDim, double theta, RotaryScaling scaling) {
    this(rotaryDim, theta, RotaryPairing.HALVES, scaling);
  }
}
