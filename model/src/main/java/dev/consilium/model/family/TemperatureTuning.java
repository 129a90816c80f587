package dev.consilium.model.family;

/**
 * Makes attention sharper at far positions: queries at position {@code p} are multiplied by {@code
 * log(floor((p + 1) / floorScale) + 1) * strength + 1}.
 *
 * @param floorScale tokens after which the factor takes a step; at least 1
 * @param strength what the logarithm is multiplied by
 * @see <a href="https://arxiv.org/abs/2501.19399">Scalable-Softmax</a>
 */
public record TemperatureTuning(int floorScale, double strength) {

  public TemperatureTuning {
    if (floorScale < 1) {
      throw new IllegalArgumentException("floor scale is " + floorScale + ", want at least 1");
    }
    if (!Double.isFinite(strength)) {
      throw new IllegalArgumentException("strength is " + strength + ", want a finite number");
    }
  }

  /** The factor at a position. */
  public float factor(int position) {
    double steps = StrictMath.floor((position + 1.0) / floorScale);
    return (float) (StrictMath.log(steps + 1) * strength + 1);
  }
}
