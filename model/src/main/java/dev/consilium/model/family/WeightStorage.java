package dev.consilium.model.family;

import java.util.Optional;

/**
 * How files hold weights, where that is not one tensor for each.
 *
 * @param experts the routed experts
 * @param scales the blocks of a matrix of 8-bit numbers that share a scale; the scales are in a
 *     tensor of their own, whose name ends in {@code _scale_inv}
 * @param latent what makes keys and values of latent vectors
 * @param recurrent recurrent layers
 */
public record WeightStorage(
    ExpertLayout experts,
    Optional<ScaleBlocks> scales,
    LatentLayout latent,
    RecurrentLayout recurrent) {

  /** As the reference has attention. */
  public WeightStorage(ExpertLayout experts, Optional<ScaleBlocks> scales) {
    this(experts, scales, LatentLayout.ONE_MATRIX, RecurrentLayout.REFERENCE);
  }

  /** One tensor for each weight. */
  public static final WeightStorage PLAIN =
      new WeightStorage(ExpertLayout.ONE_BY_ONE, Optional.empty());

  /** How files hold what {@link LatentAttention} makes keys and values with. */
  public enum LatentLayout {
    /** {@link LatentNames#keyValueUp}. */
    ONE_MATRIX,
    /** {@link LatentNames#keyUp} and {@link LatentNames#valueUp}. */
    BY_HEAD
  }

  /** How files hold the weights of a {@link RecurrentAttention}. */
  public enum RecurrentLayout {
    /** Rates of decay as logarithms. */
    REFERENCE,
    /** Rates of decay as they are, negative. */
    RATES,
    /**
     * The same, and heads of values in turns: the first of each key head, then the second of each;
     * so head {@code h} uses key head {@code h % keyHeads}.
     */
    RATES_IN_TURNS
  }

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
