package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.BYTES;
import static dev.consilium.tensor.Lanes.INTS;
import static dev.consilium.tensor.Lanes.ORDER;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.XOR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * The quants of a panel ({@link QuantLayout}) as f32, the offset taken off, in the groups that
 * {@link ScaledTiles} reads.
 *
 * <p>Slices of constant sizes let the compiler prove the checks of all accesses away.
 */
final class QuantColumns {
  private static final long STEP = ScaledTiles.COLUMN_BYTES;
  private static final long ROW_BYTES = QuantLayout.ROWS * 4L;

  /** How much further the second half of a block lies where halves are groups of their own. */
  private static final long HALF = ScaledTiles.groupBytes(0);

  private QuantColumns() {}

  /**
   * Widens the blocks that start at {@code from}.
   *
   * @param at where the first row of the first column goes
   */
  static void widen(
      QuantLayout layout, MemorySegment w, long from, int blocks, MemorySegment into, long at) {
    int step = layout.groupColumns();
    long blockBytes = QuantLayout.BLOCK / step * ScaledTiles.groupBytes(step);
    for (int b = 0; b < blocks; b++) {
      long block = from + b * (long) layout.quantBytes();
      for (long row = 0; row < ROW_BYTES; row += BYTES) {
        widen(layout, w, block + row, into, at + b * blockBytes + row);
      }
    }
  }

  private static void widen(
      QuantLayout layout, MemorySegment w, long from, MemorySegment into, long at) {
    int offset = layout.offset();
    switch (layout.bits()) {
      case 8 -> bytes(w, from, into, at);
      case 5 -> fiveBits(w, from, offset, into, at);
      case 6 -> sixBits(w, from, offset, into, at);
      default -> {
        if (layout.dtype() == DType.MXFP4) {
          codes(w, from, into, at);
        } else {
          nibbles(w, from, offset, into, at);
        }
      }
    }
  }

  /** The offset of 128 is what turns the topmost bit into a sign. */
  private static void bytes(MemorySegment w, long from, MemorySegment into, long at) {
    MemorySegment source = w.asSlice(from, 7 * ROW_BYTES + BYTES);
    MemorySegment target = into.asSlice(at, ScaledTiles.SLICE_BYTES);
    for (int g = 0; g < 8; g++) {
      IntVector v =
          IntVector.fromMemorySegment(INTS, source, g * ROW_BYTES, ORDER)
              .lanewise(XOR, 0x8080_8080);
      long to = 4L * g * STEP;
      ((FloatVector) v.lanewise(LSHL, 24).lanewise(ASHR, 24).convert(I2F, 0))
          .intoMemorySegment(target, to, ORDER);
      ((FloatVector) v.lanewise(LSHL, 16).lanewise(ASHR, 24).convert(I2F, 0))
          .intoMemorySegment(target, to + STEP, ORDER);
      ((FloatVector) v.lanewise(LSHL, 8).lanewise(ASHR, 24).convert(I2F, 0))
          .intoMemorySegment(target, to + 2 * STEP, ORDER);
      ((FloatVector) v.lanewise(ASHR, 24).convert(I2F, 0))
          .intoMemorySegment(target, to + 3 * STEP, ORDER);
    }
  }

  private static void nibbles(MemorySegment w, long from, int offset, MemorySegment into, long at) {
    MemorySegment source = w.asSlice(from, 3 * ROW_BYTES + BYTES);
    MemorySegment target = into.asSlice(at, ScaledTiles.SLICE_BYTES);
    for (int g = 0; g < 4; g++) {
      IntVector v = IntVector.fromMemorySegment(INTS, source, g * ROW_BYTES, ORDER);
      long to = 4L * g * STEP;
      for (int i = 0; i < 4; i++) {
        ((FloatVector) v.and(15).sub(offset).convert(I2F, 0)).intoMemorySegment(target, to, ORDER);
        v = v.lanewise(LSHR, 4);
        ((FloatVector) v.and(15).sub(offset).convert(I2F, 0))
            .intoMemorySegment(target, to + 16 * STEP, ORDER);
        v = v.lanewise(LSHR, 4);
        to += STEP;
      }
    }
  }

  private static void fiveBits(
      MemorySegment w, long from, int offset, MemorySegment into, long at) {
    MemorySegment source = w.asSlice(from, 4 * ROW_BYTES + BYTES);
    MemorySegment target = into.asSlice(at, ScaledTiles.SLICE_BYTES);
    IntVector upper = IntVector.fromMemorySegment(INTS, source, 4 * ROW_BYTES, ORDER);
    for (int g = 0; g < 8; g++) {
      IntVector v =
          IntVector.fromMemorySegment(INTS, source, g % 4 * ROW_BYTES, ORDER)
              .lanewise(LSHR, g / 4 * 4)
              .and(0x0f0f_0f0f)
              .or(upper.lanewise(LSHR, g).and(0x0101_0101).lanewise(LSHL, 4));
      for (int i = 0; i < 4; i++) {
        ((FloatVector) v.and(31).sub(offset).convert(I2F, 0))
            .intoMemorySegment(target, (4 * g + i) * STEP, ORDER);
        v = v.lanewise(LSHR, 8);
      }
    }
  }

  private static void sixBits(MemorySegment w, long from, int offset, MemorySegment into, long at) {
    MemorySegment source = w.asSlice(from, 5 * ROW_BYTES + BYTES);
    MemorySegment target = into.asSlice(at, ScaledTiles.SLICE_BYTES);
    for (int g = 0; g < 8; g++) {
      IntVector upper =
          IntVector.fromMemorySegment(INTS, source, (4 + g / 4) * ROW_BYTES, ORDER)
              .lanewise(LSHR, g % 4 * 2)
              .and(0x0303_0303);
      IntVector v =
          IntVector.fromMemorySegment(INTS, source, g % 4 * ROW_BYTES, ORDER)
              .lanewise(LSHR, g / 4 * 4)
              .and(0x0f0f_0f0f)
              .or(upper.lanewise(LSHL, 4));
      for (int i = 0; i < 4; i++) {
        ((FloatVector) v.and(63).sub(offset).convert(I2F, 0))
            .intoMemorySegment(target, (4 * g + i) * STEP + g / 4 * HALF, ORDER);
        v = v.lanewise(LSHR, 8);
      }
    }
  }

  /** The numbers behind the codes, as {@link Mxfp4Layout#doubled} says. */
  private static void codes(MemorySegment w, long from, MemorySegment into, long at) {
    MemorySegment source = w.asSlice(from, 3 * ROW_BYTES + BYTES);
    MemorySegment target = into.asSlice(at, ScaledTiles.SLICE_BYTES);
    for (int g = 0; g < 8; g++) {
      IntVector code =
          IntVector.fromMemorySegment(INTS, source, g % 4 * ROW_BYTES, ORDER)
              .lanewise(LSHR, g / 4 * 4);
      for (int i = 0; i < 4; i++) {
        IntVector sign = code.lanewise(LSHL, 28).lanewise(ASHR, 31);
        IntVector m = code.and(7);
        IntVector number = m.max(m.lanewise(LSHL, 1).sub(4)).max(m.lanewise(LSHL, 2).sub(16));
        ((FloatVector) number.lanewise(XOR, sign).sub(sign).convert(I2F, 0))
            .intoMemorySegment(target, (4 * g + i) * STEP, ORDER);
        code = code.lanewise(LSHR, 8);
      }
    }
  }
}
