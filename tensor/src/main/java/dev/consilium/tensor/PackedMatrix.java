package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * The weights of a linear layer, {@code [rows = outputs, columns = inputs]}, in the order in which
 * a product reads them.
 *
 * <p>Rows are grouped in panels, the last one filled up with zeros: of 16 rows for quantised types,
 * which {@link QuantLayout} describes, and of 64 for the others. Inside the latter, column follows
 * column, and for each column there are the 64 weights of the panel's rows, so that output rows lie
 * in vector lanes and one product is one linear stream:
 *
 * <ul>
 *   <li>f32: 64 floats, row by row.
 *   <li>bf16 and f16: 32 ints in the byte order of the machine. Int {@code 16 g + j} holds the
 *       weight of row {@code 32 g + j} in its lower half and that of row {@code 32 g + j + 16} in
 *       its upper half, so that widening needs no shuffle, at any vector length.
 *   <li>{@link DType#F8_BLOCKS} and {@link DType#F4_BLOCKS}: see {@link NarrowPanels}.
 * </ul>
 *
 * <p>Weights keep their stored encoding. Read-only once packed, so any number of threads may use
 * it; {@link #close} frees the memory, and a use after that fails with {@link
 * IllegalStateException}.
 */
public final class PackedMatrix implements AutoCloseable {
  /** Rows of a panel of floating point weights. */
  static final int PANEL_ROWS = 64;

  private final DType dtype;
  private final int rows;
  private final int columns;
  private final Arena arena;
  private final MemorySegment segment;
  private final Optional<QuantLayout> quantLayout;
  private final int panelRows;
  private final long panelBytes;

  private PackedMatrix(DType dtype, RowParts source) {
    this.dtype = dtype;
    this.quantLayout = dtype.quantised() ? Optional.of(QuantLayout.of(dtype)) : Optional.empty();
    this.panelRows = panelRows(dtype);
    this.panelBytes = panelBytes(dtype, source.columns());
    this.rows = source.rows();
    this.columns = source.columns();
    this.arena = Arena.ofShared();
    this.segment = WeightMemory.allocate(arena, panels() * panelBytes);
  }

  /**
   * Copies row-major weights into a packed matrix.
   *
   * @param dtype how the parts are encoded, and the packed matrix too
   * @param columns inputs of the layer, at least 1; of a quantised type, whole blocks
   * @param parts row-major pieces, little-endian and at any alignment, that make up the matrix when
   *     stacked; each holds whole rows
   * @throws IllegalArgumentException if a part is not a whole number of rows, there is no row, or a
   *     weight or the scale of a block is infinite or NaN
   */
  public static PackedMatrix pack(DType dtype, int columns, List<MemorySegment> parts) {
    return pack(Kernels.best(), dtype, columns, parts);
  }

  static PackedMatrix pack(Kernels kernels, DType dtype, int columns, List<MemorySegment> parts) {
    return read(kernels, dtype, columns, parts.stream().map(StoredBytes::of).toList());
  }

  /** As {@link #pack(DType, int, List)}, of weights that need not be in memory. */
  public static PackedMatrix read(DType dtype, int columns, List<StoredBytes> parts) {
    return read(Kernels.best(), dtype, columns, parts);
  }

  private static PackedMatrix read(
      Kernels kernels, DType dtype, int columns, List<StoredBytes> parts) {
    RowParts source = RowParts.of(dtype, columns, parts);
    PackedMatrix packed = new PackedMatrix(dtype, source);
    try {
      if (packed.quantLayout.isPresent()) {
        QuantPacker.pack(kernels, packed.quantLayout.get(), source, packed.segment);
      } else if (dtype.blockElements() > 1) {
        NarrowPanels.pack(dtype, source, packed);
      } else {
        PanelPacker.pack(kernels, dtype, source, packed.segment);
      }
      return packed;
    } catch (RuntimeException | Error failure) {
      packed.close();
      throw failure;
    }
  }

  /** Bytes of memory that a packed matrix of this size holds. */
  public static long byteSize(DType dtype, int rows, int columns) {
    int panelRows = panelRows(dtype);
    return ((long) rows + panelRows - 1) / panelRows * panelBytes(dtype, columns);
  }

  private static int panelRows(DType dtype) {
    return dtype.quantised() ? QuantLayout.ROWS : PANEL_ROWS;
  }

  private static long panelBytes(DType dtype, int columns) {
    return dtype.quantised()
        ? QuantLayout.of(dtype).panelBytes(columns)
        : columnsBytes(dtype, columns);
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
    if (quantLayout.isPresent()) {
      quantLayout.get().unpackRow(panel(row / panelRows), row % panelRows, into);
      return;
    }
    for (int column = 0; column < columns; column++) {
      into[column] = weight(row, column);
    }
  }

  int panels() {
    return (rows + panelRows - 1) / panelRows;
  }

  int panelRows() {
    return panelRows;
  }

  /** Rows of a panel that exist: all but for the last panel. */
  int rowsOfPanel(int panel) {
    return Math.min(panelRows, rows - panel * panelRows);
  }

  long panelBytes() {
    return panelBytes;
  }

  /** The memory of one panel. */
  MemorySegment panel(int panel) {
    return segment.asSlice(panel * panelBytes, panelBytes);
  }

  /** How a panel of quantised weights is laid out. */
  QuantLayout quantLayout() {
    return quantLayout.orElseThrow(
        () -> new IllegalStateException(dtype + " weights have no blocks"));
  }

  /** Bytes of the weights of the first columns in one panel; of types with blocks, whole ones. */
  long columnsBytes(int columns) {
    return columnsBytes(dtype, columns);
  }

  private static long columnsBytes(DType dtype, int columns) {
    return dtype.blockElements() > 1
        ? NarrowPanels.bytes(dtype, columns)
        : (long) PANEL_ROWS * columns * dtype.bytes();
  }

  MemorySegment segment() {
    return segment;
  }

  /** One floating point weight, widened; row and column must be inside. */
  float weight(int row, int column) {
    int inPanel = row % PANEL_ROWS;
    if (dtype.blockElements() > 1) {
      return NarrowPanels.weight(dtype, panel(row / PANEL_ROWS), inPanel, column);
    }
    long at = row / PANEL_ROWS * panelBytes() + columnsBytes(column);
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
