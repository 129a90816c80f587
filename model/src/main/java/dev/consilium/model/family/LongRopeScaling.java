package dev.consilium.model.family;

import java.util.List;

/**
 * LongRoPE: each wavelength has a factor of its own, and there are two sets of them, for sequences
 * within the trained context and for longer ones. All keys and queries of a sequence are turned by
 * the same set; one that outgrows the trained context is computed again.
 *
 * @param shortFactors one per pair, up to {@code originalContextLength} tokens
 * @param longFactors one per pair, beyond
 * @param originalContextLength the trained context, in tokens
 * @param shortMagnitude what cosine and sine are multiplied by, with the short factors
 * @param longMagnitude the same with the long ones
 * @see <a href="https://arxiv.org/abs/2402.13753">LongRoPE</a>
 */
public record LongRopeScaling(
    List<Double> shortFactors,
    List<Double> longFactors,
    int originalContextLength,
    double shortMagnitude,
    double longMagnitude)
    implements RotaryScaling {

  public LongRopeScaling {
    shortFactors = List.copyOf(shortFactors);
    longFactors = List.copyOf(longFactors);
    if (shortFactors.size() != longFactors.size()) {
      throw new IllegalArgumentException(
          "%d short factors and %d long ones, want as many"
              .formatted(shortFactors.size(), longFactors.size()));
    }
    shortFactors.forEach(factor -> RotaryScaling.requirePositive("a short factor", factor));
    longFactors.forEach(factor -> RotaryScaling.requirePositive("a long factor", factor));
    RotaryScaling.requirePositive("the short magnitude", shortMagnitude);
    RotaryScaling.requirePositive("the long magnitude", longMagnitude);
    if (originalContextLength < 1) {
      throw new IllegalArgumentException(
          "original context is " + originalContextLength + ", want at least 1");
    }
  }
}
