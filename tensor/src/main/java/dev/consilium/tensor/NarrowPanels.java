package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.INTS;
import static dev.consilium.tensor.Lanes.ORDER;
import static dev.consilium.tensor.PackedMatrix.PANEL_ROWS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import dev.consilium.tensor.quant.BlockFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Panels of {@link DType#F8_BLOCKS} and {@link DType#F4_BLOCKS}: 64 rows, as those of floating
 * point have. For every 32 columns there are 64 scales, row by row, as f32; then groups of columns,
 * as many as fit an int: 64 ints, row by row, the lowest bits being the first column.
 *
 * <p>A code becomes a float by moving its bits to where a float has them, which gives the number
 * times a power of two, also where it has no leading one; then by two multiplications: by that
 * power and by the scale. Only the second one rounds.
 */
final class NarrowPanels {
  static final int BLOCK = 32;

  private static final long SCALES_BYTES = PANEL_ROWS * 4L;
  private static final long GROUP_BYTES = PANEL_ROWS * 4L;
  private static final long WIDE_COLUMN_BYTES = PANEL_ROWS * 4L;

  private static final ValueLayout.OfFloat STORED_FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Of F8: an exponent of 4 bits with bias 7 in one of 8 bits with bias 127. */
  private static final float FROM_F8 = 0x1p120f;

  /** Of F4: an exponent of 2 bits with bias 1. */
  private static final float FROM_F4 = 0x1p126f;

  private NarrowPanels() {}

  /** Bytes of the given columns of a panel, a multiple of 32. */
  static long bytes(DType dtype, int columns) {
    return (long) (columns / BLOCK) * (SCALES_BYTES + BLOCK / perInt(dtype) * GROUP_BYTES);
  }

  private static int perInt(DType dtype) {
    return dtype == DType.F8_BLOCKS ? 4 : 8;
  }

  /** Writes row-major blocks in panel order; refuses weights that are not finite. */
  static void pack(DType dtype, RowParts source, PackedMatrix into) {
    source.write(
        PANEL_ROWS,
        (first, count, copy) -> {
          for (int i = 0; i < count * PANEL_ROWS; i++) {
            MemorySegment blocks = copy.asSlice(i * source.rowBytes(), source.rowBytes());
            packRow(dtype, blocks, source.columns(), into, first * PANEL_ROWS + i);
          }
        });
  }

  private static void packRow(
      DType dtype, MemorySegment blocks, int columns, PackedMatrix into, int row) {
    BlockFormat format = dtype.format().orElseThrow();
    float[] values = new float[BLOCK];
    MemorySegment panel = into.panel(row / PANEL_ROWS);
    for (int i = 0; i < columns / BLOCK; i++) {
      long from = (long) i * format.bytes();
      format.dequantise(blocks, from, values, 0);
      requireFinite(values, row, i * BLOCK, dtype);
      packBlock(dtype, blocks, from, panel, bytes(dtype, i * BLOCK), row % PANEL_ROWS);
    }
  }

  private static void requireFinite(float[] values, int row, int column, DType dtype) {
    for (int i = 0; i < BLOCK; i++) {
      if (!Float.isFinite(values[i])) {
        throw new IllegalArgumentException(
            "row %d column %d is %s; expected finite %s weights"
                .formatted(row, column + i, values[i], dtype));
      }
    }
  }

  private static void packBlock(
      DType dtype, MemorySegment blocks, long from, MemorySegment panel, long at, int row) {
    boolean f8 = dtype == DType.F8_BLOCKS;
    float scale =
        f8 ? blocks.get(STORED_FLOAT, from) : Math.scalb(1f, unsigned(blocks, from) - 127);
    panel.set(JAVA_FLOAT, at + row * 4L, scale);
    int perInt = perInt(dtype);
    for (int group = 0; group < BLOCK / perInt; group++) {
      int packed = 0;
      for (int i = 0; i < perInt; i++) {
        int column = group * perInt + i;
        int code = f8 ? unsigned(blocks, from + 4 + column) : nibble(blocks, from + 1, column);
        packed |= code << (i * (32 / perInt));
      }
      panel.set(JAVA_INT, at + SCALES_BYTES + group * GROUP_BYTES + row * 4L, packed);
    }
  }

  private static int unsigned(MemorySegment blocks, long at) {
    return blocks.get(ValueLayout.JAVA_BYTE, at) & 0xff;
  }

  /** A byte of a block holds columns i and i + 16. */
  private static int nibble(MemorySegment blocks, long from, int column) {
    int pair = unsigned(blocks, from + column % 16);
    int code = column < 16 ? pair & 15 : pair >> 4;
    return code == 8 ? 0 : code; // one zero, not two
  }

  /** One weight of a panel, widened. */
  static float weight(DType dtype, MemorySegment panel, int row, int column) {
    long at = bytes(dtype, column / BLOCK * BLOCK);
    int perInt = perInt(dtype);
    int inBlock = column % BLOCK;
    long groupAt = at + SCALES_BYTES + inBlock / perInt * GROUP_BYTES;
    int code = panel.get(JAVA_INT, groupAt + row * 4L) >>> (inBlock % perInt * (32 / perInt));
    float number =
        dtype == DType.F8_BLOCKS
            ? Float.intBitsToFloat((code & 0x7f) << 20 | (code & 0x80) << 24) * FROM_F8
            : Float.intBitsToFloat((code & 7) << 22 | (code & 8) << 28) * FROM_F4;
    return number * panel.get(JAVA_FLOAT, at + row * 4L);
  }

  /** Widens some columns of a panel, a multiple of 32, into {@code [count][64]} of f32. */
  static void widen(DType dtype, MemorySegment w, long wAt, int count, MemorySegment into) {
    for (int from = 0; from < count; from += BLOCK) {
      long at = wAt + bytes(dtype, from);
      for (int row = 0; row < PANEL_ROWS; row += COUNT) {
        long intoAt = from * WIDE_COLUMN_BYTES + row * 4L;
        if (dtype == DType.F8_BLOCKS) {
          widenF8(w, at + row * 4L, into, intoAt);
        } else {
          widenF4(w, at + row * 4L, into, intoAt);
        }
      }
    }
  }

  /** One vector of rows of a block. */
  private static void widenF8(MemorySegment w, long at, MemorySegment into, long intoAt) {
    FloatVector scale = FloatVector.fromMemorySegment(FLOATS, w, at, ORDER);
    for (int group = 0; group < 8; group++) {
      IntVector four =
          IntVector.fromMemorySegment(INTS, w, at + SCALES_BYTES + group * GROUP_BYTES, ORDER);
      for (int i = 0; i < 4; i++) {
        IntVector bits = four.and(0x7f).lanewise(LSHL, 20).or(four.and(0x80).lanewise(LSHL, 24));
        bits.reinterpretAsFloats()
            .mul(FROM_F8)
            .mul(scale)
            .intoMemorySegment(into, intoAt + (group * 4L + i) * WIDE_COLUMN_BYTES, ORDER);
        four = four.lanewise(LSHR, 8);
      }
    }
  }

  private static void widenF4(MemorySegment w, long at, MemorySegment into, long intoAt) {
    FloatVector scale = FloatVector.fromMemorySegment(FLOATS, w, at, ORDER);
    for (int group = 0; group < 4; group++) {
      IntVector eight =
          IntVector.fromMemorySegment(INTS, w, at + SCALES_BYTES + group * GROUP_BYTES, ORDER);
      for (int i = 0; i < 8; i++) {
        IntVector bits = eight.and(7).lanewise(LSHL, 22).or(eight.and(8).lanewise(LSHL, 28));
        bits.reinterpretAsFloats()
            .mul(FROM_F4)
            .mul(scale)
            .intoMemorySegment(into, intoAt + (group * 8L + i) * WIDE_COLUMN_BYTES, ORDER);
        eight = eight.lanewise(LSHR, 4);
      }
    }
  }
}
