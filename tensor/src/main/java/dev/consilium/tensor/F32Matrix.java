package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Activations: {@code [rows, columns]} of f32, row after row, off-heap.
 *
 * <p>Rows start at multiples of 64 bytes, so the stride of a row may exceed its columns. The memory
 * starts as zeros and is freed after the last reference to the matrix and its segment is gone. Not
 * synchronised: threads may write different rows at once.
 */
public final class F32Matrix {
  static final int ALIGNMENT = 64;

  private final int rows;
  private final int columns;
  private final long rowStrideBytes;
  private final MemorySegment segment;

  /** Bytes into the segment of row 0: above 0 in a view of some columns. */
  private final long begin;

  private F32Matrix(MemorySegment segment, int rows, int columns) {
    this.rows = rows;
    this.columns = columns;
    this.rowStrideBytes = strideOf(columns);
    this.segment = segment;
    this.begin = 0;
  }

  private F32Matrix(F32Matrix whole, int from, int columns) {
    this.rows = whole.rows;
    this.columns = columns;
    this.rowStrideBytes = whole.rowStrideBytes;
    this.segment = whole.segment;
    this.begin = whole.begin + (long) from * Float.BYTES;
  }

  /** A matrix of zeros; {@code rows >= 0}, {@code columns >= 1}. */
  public static F32Matrix allocate(int rows, int columns) {
    return over(LargeMemory.allocate(Arena.ofAuto(), byteSize(rows, columns)), rows, columns);
  }

  /** A matrix in memory of at least {@link #byteSize} bytes, at a multiple of 64. */
  static F32Matrix over(MemorySegment memory, int rows, int columns) {
    return new F32Matrix(memory.asSlice(0, byteSize(rows, columns)), rows, columns);
  }

  /** Bytes of memory that a matrix takes. */
  static long byteSize(int rows, int columns) {
    if (rows < 0 || columns < 1) {
      throw new IllegalArgumentException(
          "a matrix of " + rows + " rows and " + columns + " columns; expected >= 0 and >= 1");
    }
    return rows * strideOf(columns);
  }

  /**
   * Some of the columns of all rows, in the same memory: what is written to one is seen in the
   * other. Its rows need not start at multiples of 64 bytes.
   */
  public F32Matrix columns(int from, int count) {
    Objects.checkFromIndexSize(from, count, columns);
    return new F32Matrix(this, from, count);
  }

  /** Rows at a distance of 512 bytes or a multiple would all fall into the same few cache sets. */
  private static long strideOf(int columns) {
    long stride = ((long) columns * Float.BYTES + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return stride % 512 == 0 ? stride + ALIGNMENT : stride;
  }

  public int rows() {
    return rows;
  }

  public int columns() {
    return columns;
  }

  /** Bytes from the start of a row to the start of the next. */
  public long rowStrideBytes() {
    return rowStrideBytes;
  }

  /** The memory of all rows; use {@link #offset} to find one. */
  public MemorySegment segment() {
    return segment;
  }

  /** Where a row starts, in bytes into {@link #segment()}. */
  public long offset(int row) {
    return begin + Objects.checkIndex(row, rows) * rowStrideBytes;
  }

  public float get(int row, int column) {
    return segment.get(JAVA_FLOAT, at(row, column));
  }

  public void set(int row, int column, float value) {
    segment.set(JAVA_FLOAT, at(row, column), value);
  }

  private long at(int row, int column) {
    return offset(row) + (long) Objects.checkIndex(column, columns) * Float.BYTES;
  }

  /** Copies a row into an array of {@code columns} elements. */
  public void readRow(int row, float[] into) {
    checkLength(into.length);
    MemorySegment.copy(segment, JAVA_FLOAT, offset(row), into, 0, columns);
  }

  /** Copies an array of {@code columns} elements into a row. */
  public void writeRow(int row, float[] from) {
    checkLength(from.length);
    MemorySegment.copy(from, 0, segment, JAVA_FLOAT, offset(row), columns);
  }

  /** Copies a row of another matrix with as many columns. */
  public void copyRow(int row, F32Matrix source, int sourceRow) {
    checkLength(source.columns);
    long bytes = (long) columns * Float.BYTES;
    MemorySegment.copy(source.segment, source.offset(sourceRow), segment, offset(row), bytes);
  }

  private void checkLength(int length) {
    if (length != columns) {
      throw new IllegalArgumentException(
          "a row of " + length + " elements for a matrix of " + columns + " columns");
    }
  }
}
