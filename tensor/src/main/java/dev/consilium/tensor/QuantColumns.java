package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.BYTES;
import static dev.consilium.tensor.Lanes.INTS;
import static dev.consilium.tensor.Lanes.ORDER;
import static dev.consilium.tensor.TileMemory.ALL;
import static dev.consilium.tensor.TileMemory.COLUMN_BYTES;
import static dev.consilium.tensor.TileMemory.PASS;
import static dev.consilium.tensor.TileMemory.SLOTS;
import static dev.consilium.tensor.TileMemory.SLOT_BYTES;
import static dev.consilium.tensor.TileMemory.WEIGHTS_AT;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;

/**
 * The quants of a panel of Q8_0 ({@link QuantLayout}) as f32, the offset taken off, as {@link
 * ScaledTiles} reads them.
 *
 * <p>The byte of a column is put where the lowest bits of 2^23, or of 2^15, are; taking that and
 * the offset off leaves the quant. About checks see {@link ScaledTiles}.
 */
final class QuantColumns {
  private static final int GROUPS = QuantLayout.BLOCK / 4;
  private static final long ROW_BYTES = QuantLayout.ROWS * 4L;
  private static final long BLOCK_BYTES = GROUPS * ROW_BYTES;
  private static final long TARGET_BYTES = QuantLayout.BLOCK * COLUMN_BYTES;
  private static final int OFFSET = 128;

  private QuantColumns() {}

  /**
   * Widens some blocks.
   *
   * @param from where the first is in w
   * @param panel of the tile
   */
  static void widen(MemorySegment w, long from, int blocks, int slot, int panel) {
    for (int b = 0; b < blocks; b++) {
      for (long row = 0; row < ROW_BYTES; row += BYTES) {
        widen(w, from + b * BLOCK_BYTES + row, slot, b, panel * ROW_BYTES + row);
      }
    }
  }

  private static void widen(MemorySegment w, long from, int slot, int block, long row) {
    long base = (slot & (SLOTS - 1)) * SLOT_BYTES;
    long target =
        base + WEIGHTS_AT + (block & (PASS - 1)) * TARGET_BYTES + (row & (COLUMN_BYTES - 1));
    for (int i = 0; i < GROUPS; i++) {
      int g = i & (GROUPS - 1);
      long to = target + 4L * g * COLUMN_BYTES;
      IntVector v = IntVector.fromMemorySegment(INTS, w, from + g * ROW_BYTES, ORDER);
      v.and(0xff)
          .or(0x4b00_0000)
          .reinterpretAsFloats()
          .sub(0x1p23f + OFFSET)
          .intoMemorySegment(ALL, to, ORDER);
      v.and(0xff00)
          .or(0x4700_0000)
          .reinterpretAsFloats()
          .sub(0x1p15f + OFFSET)
          .intoMemorySegment(ALL, to + COLUMN_BYTES, ORDER);
      IntVector upper = v.lanewise(LSHR, 16);
      upper
          .and(0xff)
          .or(0x4b00_0000)
          .reinterpretAsFloats()
          .sub(0x1p23f + OFFSET)
          .intoMemorySegment(ALL, to + 2 * COLUMN_BYTES, ORDER);
      upper
          .and(0xff00)
          .or(0x4700_0000)
          .reinterpretAsFloats()
          .sub(0x1p15f + OFFSET)
          .intoMemorySegment(ALL, to + 3 * COLUMN_BYTES, ORDER);
    }
  }
}
