package dev.consilium.model.family;

import java.util.Optional;

/**
 * How files hold weights, where that is not one tensor for each.
 *
 * @param experts the routed experts
 * @param scales the blocks of a matrix of 8-bit numbers that share a scale; the scales are in a
 *     tensor of their own, whose name ends in {@code _scale_inv}
 */
public record WeightStorage(ExpertLayout experts, Optional<ScaleBlocks> scales) {

  /** One tensor for each weight. */
  public static final WeightStorage PLAIN =
      new WeightStorage(ExpertLayout.ONE_BY_ONE, Optional.empty());

  /** One tensor for each weight, but experts laid out otherwise. */
  static WeightStorage of(ExpertLayout experts) {
    return new WeightStorage(experts, Optional.empty());
  }

  /**
   * The size of a block; those at the right and lower edge of a matrix may be smaller.
   *
   * @param rows at least 1
   * @param columns at least 1
   */
  public record ScaleBlocks(int rows, int columns) {

    public ScaleBlocks {
      if (rows < 1 || columns < 1) {
        throw new IllegalArgumentException("blocks of " + rows + " rows and " + columns);
      }
    }
  }
}
