package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;

/**
 * Writes stored blocks in the panel order that {@link QuantLayout} defines, and refuses blocks
 * whose scales are infinite or NaN.
 */
final class QuantPacker {
  private QuantPacker() {}

  static void pack(QuantLayout layout, RowParts source, MemorySegment into) {
    int panels = (source.rows() + QuantLayout.ROWS - 1) / QuantLayout.ROWS;
    long panelBytes = layout.panelBytes(source.columns());
    for (int panel = 0; panel < panels; panel++) {
      packPanel(layout, source, panel, into.asSlice(panel * panelBytes, panelBytes));
    }
  }

  private static void packPanel(
      QuantLayout layout, RowParts source, int panel, MemorySegment into) {
    for (int i = 0; i < QuantLayout.ROWS; i++) {
      int row = panel * QuantLayout.ROWS + i;
      int wrong = layout.packRow(source.row(row), 0, into, source.columns(), i);
      if (wrong >= 0) {
        throw new IllegalArgumentException(
            "row %d block %d has a scale that is infinite, NaN or too large; expected finite %s weights"
                .formatted(row, wrong, layout.dtype()));
      }
    }
  }
}
