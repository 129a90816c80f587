package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.HALF_SHORTS;
import static dev.consilium.tensor.Lanes.INTS;
import static dev.consilium.tensor.Lanes.ORDER;
import static dev.consilium.tensor.Lanes.QUARTER_BYTES;
import static dev.consilium.tensor.TileMemory.ALL;
import static dev.consilium.tensor.TileMemory.ROWS_BYTES;
import static dev.consilium.tensor.TileMemory.TO_MINIMA;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Widens the scales and minima of some blocks of a panel to f32, in {@link TileMemory}: there they
 * are where vectors of them lie inside a line of the cache, which in an array they often do not.
 *
 * <p>A finite binary16 becomes a float by moving its exponent and mantissa to where a float has
 * them, a power of two too low; the product with that power is exact, for subnormal numbers too.
 */
final class QuantScales {
  private static final int ROWS = QuantLayout.ROWS;
  private static final long ROW_INTS = ROWS * 4L;

  // Of a binary16, and the power of two.
  static final int MAGNITUDE = 0x7fff;
  static final int SIGN = 0x8000;
  static final float TO_FLOAT = 0x1p112f;

  private QuantScales() {}

  /**
   * Widens the scales of blocks of 32 columns.
   *
   * @param panelAt where the panel is in w
   * @param from the first block, at the start of a stored block
   * @param to where the first scales go in {@link TileMemory#ALL}; those of the next group of
   *     columns go {@link TileMemory#ROWS_BYTES} further, minima {@link TileMemory#TO_MINIMA}
   */
  static void widen(
      QuantLayout layout, MemorySegment w, long panelAt, int from, int count, long to) {
    switch (layout) {
      case PlainLayout plain -> widenHalves(w, panelAt + plain.scalesAt(from), count, to);
      case Mxfp4Layout mxfp4 -> widenPowers(w, panelAt + mxfp4.scalesAt(from), count, to);
      case KLayout k -> {
        for (int b = 0; b < count; b += 8) {
          widenK(w, panelAt + k.scalesAt((from + b) / 8), to + b * ROWS_BYTES);
        }
      }
      case Q6KLayout q6 -> {
        for (int b = 0; b < count; b += 8) {
          widenQ6K(w, panelAt + q6.scalesAt((from + b) / 8), to + 2L * b * ROWS_BYTES);
        }
      }
    }
  }

  private static void widenHalves(MemorySegment w, long at, int count, long to) {
    for (int b = 0; b < count; b++) {
      for (int row = 0; row < ROWS; row += COUNT) {
        IntVector half =
            (IntVector)
                ShortVector.fromMemorySegment(HALF_SHORTS, w, at + (b * ROWS + row) * 2L, ORDER)
                    .convertShape(ZERO_EXTEND_S2I, INTS, 0);
        half.and(MAGNITUDE)
            .lanewise(LSHL, 13)
            .reinterpretAsFloats()
            .mul(TO_FLOAT)
            .reinterpretAsInts()
            .or(half.and(SIGN).lanewise(LSHL, 16))
            .reinterpretAsFloats()
            .intoMemorySegment(ALL, to + b * ROWS_BYTES + row * 4L, ORDER);
      }
    }
  }

  private static void widenPowers(MemorySegment w, long at, int count, long to) {
    for (int b = 0; b < count; b++) {
      if (COUNT == 4) { // four bytes are no vector
        for (int row = 0; row < ROWS; row++) {
          int exponent = w.get(JAVA_BYTE, at + (long) b * ROWS + row) & 0xff;
          float scale = 0.5f * Float.intBitsToFloat(Math.max(exponent << 23, 0x0040_0000));
          ALL.set(JAVA_FLOAT, to + b * ROWS_BYTES + row * 4L, scale);
        }
        continue;
      }
      for (int row = 0; row < ROWS; row += COUNT) {
        ((IntVector)
                ByteVector.fromMemorySegment(QUARTER_BYTES, w, at + (long) b * ROWS + row, ORDER)
                    .convertShape(ZERO_EXTEND_B2I, INTS, 0))
            .lanewise(LSHL, 23)
            .max(0x0040_0000)
            .reinterpretAsFloats()
            .mul(0.5f)
            .intoMemorySegment(ALL, to + b * ROWS_BYTES + row * 4L, ORDER);
      }
    }
  }

  /** Eight sub-blocks; the bits are those that {@link KLayout} describes. */
  private static void widenK(MemorySegment w, long at, long to) {
    long ints = at + KLayout.INTS_AT;
    for (int row = 0; row < ROWS; row += COUNT) {
      long own = ints + row * 4L;
      long halves = own + 2 * ROW_INTS;
      widenK(w, at + row * 2L, own, halves, 0, to + row * 4L);
      widenK(w, at + (ROWS + row) * 2L, own + ROW_INTS, halves, 4, to + TO_MINIMA + row * 4L);
    }
  }

  /** For some rows d times the factors of the sub-blocks, or m times those of the minima. */
  private static void widenK(
      MemorySegment w, long halfAt, long ownAt, long halvesAt, int shift, long to) {
    IntVector half =
        (IntVector)
            ShortVector.fromMemorySegment(HALF_SHORTS, w, halfAt, ORDER)
                .convertShape(ZERO_EXTEND_S2I, INTS, 0);
    FloatVector factor =
        half.and(MAGNITUDE)
            .lanewise(LSHL, 13)
            .reinterpretAsFloats()
            .mul(TO_FLOAT)
            .reinterpretAsInts()
            .or(half.and(SIGN).lanewise(LSHL, 16))
            .reinterpretAsFloats();
    IntVector own = IntVector.fromMemorySegment(INTS, w, ownAt, ORDER);
    IntVector top = own.lanewise(LSHR, 2);
    IntVector halves = IntVector.fromMemorySegment(INTS, w, halvesAt, ORDER).lanewise(LSHR, shift);
    for (int sub = 0; sub < 4; sub++) {
      ((FloatVector) own.and(63).convert(I2F, 0))
          .mul(factor)
          .intoMemorySegment(ALL, to + sub * ROWS_BYTES, ORDER);
      ((FloatVector) halves.and(15).or(top.and(48)).convert(I2F, 0))
          .mul(factor)
          .intoMemorySegment(ALL, to + (sub + 4) * ROWS_BYTES, ORDER);
      own = own.lanewise(LSHR, 8);
      top = top.lanewise(LSHR, 8);
      halves = halves.lanewise(LSHR, 8);
    }
  }

  /** Sixteen sub-blocks. */
  private static void widenQ6K(MemorySegment w, long at, long to) {
    for (int row = 0; row < ROWS; row += COUNT) {
      IntVector half =
          (IntVector)
              ShortVector.fromMemorySegment(HALF_SHORTS, w, at + row * 2L, ORDER)
                  .convertShape(ZERO_EXTEND_S2I, INTS, 0);
      FloatVector factor =
          half.and(MAGNITUDE)
              .lanewise(LSHL, 13)
              .reinterpretAsFloats()
              .mul(TO_FLOAT)
              .reinterpretAsInts()
              .or(half.and(SIGN).lanewise(LSHL, 16))
              .reinterpretAsFloats();
      for (int sub = 0; sub < 16; sub++) {
        long four = at + Q6KLayout.INTS_AT + sub / 4 * ROW_INTS + row * 4L;
        ((FloatVector)
                IntVector.fromMemorySegment(INTS, w, four, ORDER)
                    .lanewise(LSHL, 24 - sub % 4 * 8)
                    .lanewise(ASHR, 24)
                    .convert(I2F, 0))
            .mul(factor)
            .intoMemorySegment(ALL, to + sub * ROWS_BYTES + row * 4L, ORDER);
      }
    }
  }
}
