package dev.consilium.model.family;

/**
 * Every frequency divided by a factor, as if positions lay closer together.
 *
 * @param factor above 0
 * @see <a href="https://arxiv.org/abs/2306.15595">Position interpolation</a>
 */
public record LinearScaling(double factor) implements RotaryScaling {

  public LinearScaling {
    RotaryScaling.requirePositive("factor", factor);
  }
}
