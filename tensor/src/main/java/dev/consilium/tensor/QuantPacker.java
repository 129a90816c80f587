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

  /** Block after block of all 16 rows, so that what is written stays in the innermost cache. */
  private static void packPanel(
      QuantLayout layout, RowParts source, int panel, MemorySegment into) {
    MemorySegment[] rows = new MemorySegment[QuantLayout.ROWS];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = source.row(panel * QuantLayout.ROWS + i);
    }
    DType dtype = layout.dtype();
    int blocks = source.columns() / dtype.blockElements();
    long quantBytes = (long) dtype.blockElements() / QuantLayout.BLOCK * layout.quantBytes();
    long quantsAt = layout.headerBytes(source.columns());
    for (int block = 0; block < blocks; block++) {
      for (int i = 0; i < rows.length; i++) {
        MemorySegment stored =
            rows[i].asSlice((long) block * dtype.blockBytes(), dtype.blockBytes());
        if (!layout.packBlock(stored, block, into, quantsAt + block * quantBytes, i)) {
          throw new IllegalArgumentException(
              "row %d block %d has a scale that is infinite, NaN or too large; expected finite %s weights"
                  .formatted(panel * QuantLayout.ROWS + i, block, dtype));
        }
      }
    }
  }
}
