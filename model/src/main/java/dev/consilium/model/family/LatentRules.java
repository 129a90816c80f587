package dev.consilium.model.family;

/**
 * How a family's {@link LatentAttention} follows from a configuration.
 *
 * @param ropeTheta {@code rope_theta} when absent
 * @param normEpsilon of the norms of narrow vectors, whatever {@code rms_norm_eps} says
 * @param rotated whether positions enter
 * @param scaled whether queries and latent vectors are multiplied by the square root of the hidden
 *     size over the width of what they are made of, or theirs
 */
record LatentRules(double ropeTheta, double normEpsilon, boolean rotated, boolean scaled)
    implements MixingRules {

  /** As most families are. */
  LatentRules(double ropeTheta, double normEpsilon) {
    this(ropeTheta, normEpsilon, true, false);
  }

  /** The same without positions. */
  LatentRules unrotated() {
    return new LatentRules(ropeTheta, normEpsilon, false, scaled);
  }

  /** The same with factors on queries and latent vectors. */
  LatentRules withFactors() {
    return new LatentRules(ropeTheta, normEpsilon, rotated, true);
  }
}
