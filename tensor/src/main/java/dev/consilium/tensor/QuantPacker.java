package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;

/**
 * Writes stored blocks in the panel order that {@link QuantLayout} defines, and refuses blocks
 * whose scales are infinite or NaN.
 */
final class QuantPacker {

  private QuantPacker() {}

  static void pack(Kernels kernels, QuantLayout layout, RowParts source, MemorySegment into) {
    int columns = source.columns();
    long panelBytes = layout.panelBytes(columns);
    source.write(
        QuantLayout.ROWS,
        (panel, count, rows) -> {
          MemorySegment written = into.asSlice(panel * panelBytes, count * panelBytes);
          int wrong = kernels.pack(layout, rows, columns, written);
          if (wrong >= 0) {
            MemorySegment row = rows.asSlice(wrong * source.rowBytes(), source.rowBytes());
            int first = panel * QuantLayout.ROWS;
            throw notFinite(layout, row, columns, written, first + wrong);
          }
        });
  }

  private static IllegalArgumentException notFinite(
      QuantLayout layout, MemorySegment blocks, int columns, MemorySegment panel, int row) {
    int block = layout.packRow(blocks, 0, panel, columns, 0);
    return new IllegalArgumentException(
        "row %d block %d has a scale that is infinite, NaN or too large; expected finite %s weights"
            .formatted(row, block, layout.dtype()));
  }
}
