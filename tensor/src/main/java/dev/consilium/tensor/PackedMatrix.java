package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;

/**
 * The weights of a linear layer, {@code [rows = outputs, columns = inputs]}, in the order in which
 * a product reads them.
 *
 * <p>Rows are grouped in panels of 64, the last one filled up with zeros. Inside a panel, column
 * follows column, and for each column there are the 64 weights of the panel's rows, so that output
 * rows lie in vector lanes and one product is one linear stream:
 *
 * <ul>
 *   <li>f32: 64 floats, row by row.
 *   <li>bf16 and f16: 32 ints in the byte order of the machine. Int {@code 16 g + j} holds the
 *       weight of row {@code 32 g + j} in its lower half and that of row {@code 32 g + j + 16} in
 *       its upper half, so that widening needs no shuffle, at any vector length.
 * </ul>
 *
 * <p>Weights keep their stored encoding. Read-only once packed, so any number of threads may use
 * it; {@link #close} frees the memory, and a use after that fails with {@link
 * IllegalStateException}.
 */
public final class PackedMatrix implements AutoCloseable {
  /** Rows of a panel. */
  static final int PANEL_ROWS = 64;

  private final DType dtype;
  private final int rows;
  private final int columns;
  private final Arena arena;
  private final MemorySegment segment;

  private PackedMatrix(DType dtype, RowParts source) {
    this.dtype = dtype;
    this.rows = source.rows();
    this.columns = source.columns();
    this.arena = Arena.ofShared();
    this.segment = LargeMemory.allocate(arena, panels() * panelBytes());
  }

  /**
   * Copies row-major weights into a packed matrix.
   *
   * @param dtype how the parts are encoded, and the packed matrix too
   * @param columns inputs of the layer, at least 1
   * @param parts row-major pieces, little-endian and at any alignment, that make up the matrix when
   *     stacked; each holds whole rows
   * @throws IllegalArgumentException if a part is not a whole number of rows, there is no row, or a
   *     weight is infinite or NaN
   */
  public static PackedMatrix pack(DType dtype, int columns, List<MemorySegment> parts) {
    RowParts source = RowParts.of(dtype, columns, parts);
    PackedMatrix packed = new PackedMatrix(dtype, source);
    try {
      PanelPacker.pack(dtype, source, packed);
      return packed;
    } catch (RuntimeException | Error failure) {
      packed.close();
      throw failure;
    }
  }

  /** Bytes of memory that a packed matrix of this size holds. */
  public static long byteSize(DType dtype, int rows, int columns) {
    long panels = ((long) rows + PANEL_ROWS - 1) / PANEL_ROWS;
    return panels * PANEL_ROWS * columns * dtype.bytes();
  }

  public int rows() {
    return rows;
  }

  public int columns() {
    return columns;
  }

  public DType dtype() {
    return dtype;
  }

  /** Bytes of memory held. */
  public long byteSize() {
    return segment.byteSize();
  }

  /** Reads one row of {@code columns} weights, widened to f32. */
  public void unpackRow(int row, float[] into) {
    Objects.checkIndex(row, rows);
    if (into.length != columns) {
      throw new IllegalArgumentException(
          "a row of " + columns + " weights into an array of " + into.length);
    }
    for (int column = 0; column < columns; column++) {
      into[column] = weight(row, column);
    }
  }

  int panels() {
    return (rows + PANEL_ROWS - 1) / PANEL_ROWS;
  }

  /** Rows of a panel that exist: 64 but for the last panel. */
  int rowsOfPanel(int panel) {
    return Math.min(PANEL_ROWS, rows - panel * PANEL_ROWS);
  }

  long panelBytes() {
    return columns * columnBytes();
  }

  /** Bytes of the weights of one column in one panel. */
  long columnBytes() {
    return (long) PANEL_ROWS * dtype.bytes();
  }

  MemorySegment segment() {
    return segment;
  }

  /** One weight, widened; row and column must be inside. */
  float weight(int row, int column) {
    int inPanel = row % PANEL_ROWS;
    long at = row / PANEL_ROWS * panelBytes() + column * columnBytes();
    if (dtype == DType.F32) {
      return segment.get(JAVA_FLOAT, at + (long) inPanel * Float.BYTES);
    }
    int pair = inPanel / 32 * 16 + inPanel % 16;
    int bits = segment.get(JAVA_INT, at + (long) pair * Integer.BYTES) >>> (inPanel & 16);
    return dtype == DType.BF16 ? Bf16.toFloat(bits) : Float.float16ToFloat((short) bits);
  }

  @Override
  public void close() {
    arena.close();
  }
}
