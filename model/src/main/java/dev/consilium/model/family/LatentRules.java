package dev.consilium.model.family;

/**
 * How a family's {@link LatentAttention} follows from a configuration.
 *
 * @param ropeTheta {@code rope_theta} when absent
 * @param normEpsilon of the norms of narrow vectors, whatever {@code rms_norm_eps} says
 * @param rotated whether positions enter
 */
record LatentRules(double ropeTheta, double normEpsilon, boolean rotated) implements MixingRules {

  /** As most families are. */
  LatentRules(double ropeTheta, double normEpsilon) {
    this(ropeTheta, normEpsilon, true);
  }
}
