package dev.consilium.model.checkpoint;

/**
 * Rows of a tensor that become some of the rows of a stacked matrix: of every {@code stride} rows
 * those from {@code first} on, {@code length} of them.
 *
 * @param name of the tensor
 * @param tensorRows that it must have; a multiple of {@code stride}
 */
public record MatrixPart(String name, int tensorRows, int first, int length, int stride) {

  public MatrixPart {
    if (first < 0 || length < 1 || stride < first + length || tensorRows % stride != 0) {
      throw new IllegalArgumentException(
          "rows %d to %d of every %d of the %d of tensor %s"
              .formatted(first, first + length, stride, tensorRows, name));
    }
  }

  /** All of its rows. */
  public MatrixPart(String name, int rows) {
    this(name, rows, 0, rows, rows);
  }

  /** Rows that the stacked matrix gets. */
  public int rows() {
    return tensorRows / stride * length;
  }

  /** Which row of the tensor becomes a row. */
  public int tensorRow(int row) {
    return row / length * stride + first + row % length;
  }

  boolean whole() {
    return length == stride;
  }
}
