package dev.consilium.model.family;

/**
 * How a family's {@link LatentAttention} follows from a configuration.
 *
 * @param ropeTheta {@code rope_theta} when absent
 * @param normEpsilon of the norms of narrow vectors, whatever {@code rms_norm_eps} says
 */
record LatentRules(double ropeTheta, double normEpsilon) implements MixingRules {}
