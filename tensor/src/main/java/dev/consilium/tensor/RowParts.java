package dev.consilium.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Row-major pieces of a matrix, stacked. They are copied for some panels at a time, as many as
 * leave room in the second cache, and written from there. Immutable.
 */
final class RowParts {
  private static final long COPY_BYTES = 512L << 10;

  private final int rows;
  private final int columns;
  private final long rowBytes;
  private final List<StoredBytes> parts;

  private RowParts(int rows, int columns, long rowBytes, List<StoredBytes> parts) {
    this.rows = rows;
    this.columns = columns;
    this.rowBytes = rowBytes;
    this.parts = parts;
  }

  static RowParts of(DType dtype, int columns, List<StoredBytes> parts) {
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

  /** Writes the rows of some panels, which lie one behind the other. */
  interface PanelWriter {
    void write(int firstPanel, int panels, MemorySegment rows);
  }

  /** Has all rows written, with rows of zeros to the end of the last panel. */
  void write(int panelRows, PanelWriter writer) {
    int panels = Math.ceilDiv(rows, panelRows);
    long ofPanel = panelRows * rowBytes;
    int step = Math.clamp(COPY_BYTES / ofPanel, 1, panels);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate(step * ofPanel, 64);
      for (int panel = 0; panel < panels; panel += step) {
        int count = Math.min(step, panels - panel);
        MemorySegment some = copy.asSlice(0, count * ofPanel);
        copy(panel * panelRows, count * panelRows, some);
        writer.write(panel, count, some);
      }
    }
  }

  /** Copies some rows, one behind the other; zeros for rows past the end. */
  private void copy(int row, int count, MemorySegment into) {
    long at = 0;
    long first = 0;
    for (StoredBytes part : parts) {
      long end = first + part.byteSize() / rowBytes;
      long from = Math.max(row, first);
      long bytes = (Math.min(row + count, end) - from) * rowBytes;
      if (bytes > 0) {
        part.copy((from - first) * rowBytes, into.asSlice(at, bytes));
        at += bytes;
      }
      first = end;
    }
    into.asSlice(at).fill((byte) 0);
  }
}
