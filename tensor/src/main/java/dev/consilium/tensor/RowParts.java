package dev.consilium.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Row-major pieces of a matrix, stacked: finds the memory of a row. Immutable. */
final class RowParts {
  private final int rows;
  private final int columns;
  private final long rowBytes;
  private final List<MemorySegment> parts;
  private final MemorySegment zeroRow;

  private RowParts(int rows, int columns, long rowBytes, List<MemorySegment> parts) {
    this.rows = rows;
    this.columns = columns;
    this.rowBytes = rowBytes;
    this.parts = parts;
    // Off-heap as the parts are, or the loops over rows would be compiled for both kinds.
    this.zeroRow =
        rows % PackedMatrix.PANEL_ROWS == 0
            ? MemorySegment.NULL
            : Arena.ofAuto().allocate(rowBytes, 8);
  }

  static RowParts of(DType dtype, int columns, List<MemorySegment> parts) {
    if (columns < 1) {
      throw new IllegalArgumentException("a matrix of " + columns + " columns; expected >= 1");
    }
    long rowBytes = dtype.rowBytes(columns);
    long rows = 0;
    for (int part = 0; part < parts.size(); part++) {
      rows += rowsOf(part, parts.get(part).byteSize(), rowBytes);
    }
    if (rows < 1 || rows > Integer.MAX_VALUE - PackedMatrix.PANEL_ROWS) {
      throw new IllegalArgumentException("a matrix of " + rows + " rows; expected 1 to 2^31 - 65");
    }
    return new RowParts((int) rows, columns, rowBytes, List.copyOf(parts));
  }

  private static long rowsOf(int part, long bytes, long rowBytes) {
    if (bytes % rowBytes != 0) {
      throw new IllegalArgumentException(
          "part %d has %d bytes: not a whole number of rows of %d bytes"
              .formatted(part, bytes, rowBytes));
    }
    return bytes / rowBytes;
  }

  int rows() {
    return rows;
  }

  int columns() {
    return columns;
  }

  long rowBytes() {
    return rowBytes;
  }

  /** Copies some rows, one behind the other; zeros for rows past the end. */
  void copy(int row, int count, MemorySegment into) {
    long at = 0;
    long first = 0;
    for (MemorySegment part : parts) {
      long end = first + part.byteSize() / rowBytes;
      long from = Math.max(row, first);
      long bytes = (Math.min(row + count, end) - from) * rowBytes;
      if (bytes > 0) {
        MemorySegment.copy(part, (from - first) * rowBytes, into, at, bytes);
        at += bytes;
      }
      first = end;
    }
    if (at < count * rowBytes) {
      into.asSlice(at, count * rowBytes - at).fill((byte) 0);
    }
  }

  /** The memory of exactly one row; zeros for a row past the end. */
  MemorySegment row(int row) {
    long first = 0;
    for (MemorySegment part : parts) {
      long count = part.byteSize() / rowBytes;
      if (row < first + count) {
        return part.asSlice((row - first) * rowBytes, rowBytes);
      }
      first += count;
    }
    return zeroRow;
  }
}
