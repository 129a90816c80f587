package dev.consilium.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Writes stored blocks in the panel order that {@link QuantLayout} defines, and refuses blocks
 * whose scales are infinite or NaN.
 *
 * <p>Some panels' rows are copied first, as many as leave room in the second cache. They may be a
 * mapped file: if that was cut short, the copy fails, whereas a read in C would end the process.
 * Loading happens at the start, before anything is compiled, so the loop here has few rounds.
 */
final class QuantPacker {
  private static final long COPY_BYTES = 512L << 10;

  private QuantPacker() {}

  static void pack(Kernels kernels, QuantLayout layout, RowParts source, MemorySegment into) {
    int columns = source.columns();
    long panelBytes = layout.panelBytes(columns);
    long rowsBytes = QuantLayout.ROWS * source.rowBytes();
    int panels = (int) (into.byteSize() / panelBytes);
    int step = Math.clamp(COPY_BYTES / rowsBytes, 1, panels);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment rows = arena.allocate(step * rowsBytes, 64);
      for (int panel = 0; panel < panels; panel += step) {
        int count = Math.min(step, panels - panel);
        int first = panel * QuantLayout.ROWS;
        source.copy(first, count * QuantLayout.ROWS, rows);
        MemorySegment written = into.asSlice(panel * panelBytes, count * panelBytes);
        int wrong = kernels.pack(layout, rows.asSlice(0, count * rowsBytes), columns, written);
        if (wrong >= 0) {
          throw notFinite(layout, source.row(first + wrong), columns, written, first + wrong);
        }
      }
    }
  }

  private static IllegalArgumentException notFinite(
      QuantLayout layout, MemorySegment blocks, int columns, MemorySegment panel, int row) {
    int block = layout.packRow(blocks, 0, panel, columns, 0);
    return new IllegalArgumentException(
        "row %d block %d has a scale that is infinite, NaN or too large; expected finite %s weights"
            .formatted(row, block, layout.dtype()));
  }
}
