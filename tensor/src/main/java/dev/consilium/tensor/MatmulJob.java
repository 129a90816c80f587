package dev.consilium.tensor;

import java.util.Objects;

/**
 * One product of weights and some rows of activations: {@code y[yFrom + i][0..weights.rows) =
 * weights * x[xRows[i]]}.
 *
 * <p>The array of rows is not copied: leave it alone until the product is done. {@code y} must not
 * be {@code x}.
 */
public final class MatmulJob {
  private final PackedMatrix weights;
  private final F32Matrix x;
  private final int[] xRows;
  private final F32Matrix y;
  private final int yFrom;

  /**
   * @param weights {@code [outputs, inputs]}
   * @param x activations with {@code inputs} columns
   * @param xRows the rows of {@code x} to multiply, in the order of the results
   * @param y results, with at least {@code outputs} columns; columns past {@code outputs} are left
   *     as they are
   * @param yFrom the row of {@code y} for {@code xRows[0]}
   */
  public MatmulJob(PackedMatrix weights, F32Matrix x, int[] xRows, F32Matrix y, int yFrom) {
    if (x.columns() != weights.columns() || y.columns() < weights.rows()) {
      throw new IllegalArgumentException(
          "weights [%d, %d] take %d columns to %d; x has %d columns, y %d"
              .formatted(
                  weights.rows(),
                  weights.columns(),
                  weights.columns(),
                  weights.rows(),
                  x.columns(),
                  y.columns()));
    }
    if (x == y) {
      throw new IllegalArgumentException("x and y are the same matrix");
    }
    for (int row : xRows) {
      Objects.checkIndex(row, x.rows());
    }
    Objects.checkFromIndexSize(yFrom, xRows.length, y.rows());
    this.weights = weights;
    this.x = x;
    this.xRows = xRows;
    this.y = y;
    this.yFrom = yFrom;
  }

  public PackedMatrix weights() {
    return weights;
  }

  public F32Matrix x() {
    return x;
  }

  /** The rows of x; the job's own array, not to be changed. */
  public int[] xRows() {
    return xRows;
  }

  public F32Matrix y() {
    return y;
  }

  public int yFrom() {
    return yFrom;
  }

  /** How many rows are multiplied. */
  public int tokens() {
    return xRows.length;
  }

  /** Where the input of a token starts in the memory of x. */
  long xOffset(int token) {
    return x.offset(xRows[token]);
  }

  /** Where the output of a token starts in the memory of y. */
  long yOffset(int token) {
    return y.offset(yFrom + token);
  }
}
