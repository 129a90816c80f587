package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.HALF_SHORTS;
import static dev.consilium.tensor.Lanes.INTS;
import static dev.consilium.tensor.Lanes.QUARTER_BYTES;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Scales and minima of some blocks of one or more panels as f32, {@code [group][panel][row]}. Each
 * thread has its own.
 *
 * <p>A finite binary16 becomes a float by moving its exponent and mantissa to where a float has
 * them, a power of two too low; the product with that power is exact, for subnormal numbers too.
 */
final class QuantScales {
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  private static final int ROWS = QuantLayout.ROWS;
  private static final long ROW_INTS = ROWS * 4L;
  private static final int MAGNITUDE = 0x7fff;
  private static final int SIGN = 0x8000;
  private static final float TO_FLOAT = 0x1p112f;

  /** Floats from a group to the next. */
  private final int stride;

  private final float[] scales;
  private final float[] minima;

  QuantScales(int blocks, int panels) {
    stride = panels * ROWS;
    scales = new float[2 * blocks * stride];
    minima = new float[blocks * stride];
  }

  float[] scales() {
    return scales;
  }

  float[] minima() {
    return minima;
  }

  /**
   * Widens the scales of blocks of 32 columns.
   *
   * @param panelAt where the panel is in w
   * @param from the first block, at the start of a stored block
   * @param panel which of the panels here
   */
  void widen(QuantLayout layout, MemorySegment w, long panelAt, int from, int count, int panel) {
    int to = panel * ROWS;
    switch (layout) {
      case PlainLayout plain -> widenHalves(w, panelAt + plain.scalesAt(from), count, to);
      case Mxfp4Layout mxfp4 -> widenPowers(w, panelAt + mxfp4.scalesAt(from), count, to);
      case KLayout k -> {
        for (int b = 0; b < count; b += 8) {
          widenK(w, panelAt + k.scalesAt((from + b) / 8), to + b * stride);
        }
      }
      case Q6KLayout q6 -> {
        for (int b = 0; b < count; b += 8) {
          widenQ6K(w, panelAt + q6.scalesAt((from + b) / 8), to + 2 * b * stride);
        }
      }
    }
  }

  private void widenHalves(MemorySegment w, long at, int count, int to) {
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
            .intoArray(scales, to + b * stride + row);
      }
    }
  }

  private void widenPowers(MemorySegment w, long at, int count, int to) {
    for (int b = 0; b < count; b++) {
      if (COUNT == 4) { // four bytes are no vector
        for (int row = 0; row < ROWS; row++) {
          int exponent = w.get(JAVA_BYTE, at + (long) b * ROWS + row) & 0xff;
          scales[to + b * stride + row] =
              0.5f * Float.intBitsToFloat(Math.max(exponent << 23, 0x0040_0000));
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
            .intoArray(scales, to + b * stride + row);
      }
    }
  }

  /** Eight sub-blocks; the bits are those that {@link KLayout} describes. */
  private void widenK(MemorySegment w, long at, int to) {
    long ints = at + KLayout.INTS_AT;
    for (int row = 0; row < ROWS; row += COUNT) {
      long own = ints + row * 4L;
      long halves = own + 2 * ROW_INTS;
      widenK(w, at + row * 2L, own, halves, 0, scales, to + row);
      widenK(w, at + (ROWS + row) * 2L, own + ROW_INTS, halves, 4, minima, to + row);
    }
  }

  /** For some rows d times the factors of the sub-blocks, or m times those of the minima. */
  private void widenK(
      MemorySegment w, long halfAt, long ownAt, long halvesAt, int shift, float[] into, int to) {
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
      ((FloatVector) own.and(63).convert(I2F, 0)).mul(factor).intoArray(into, to + sub * stride);
      ((FloatVector) halves.and(15).or(top.and(48)).convert(I2F, 0))
          .mul(factor)
          .intoArray(into, to + (sub + 4) * stride);
      own = own.lanewise(LSHR, 8);
      top = top.lanewise(LSHR, 8);
      halves = halves.lanewise(LSHR, 8);
    }
  }

  /** Sixteen sub-blocks. */
  private void widenQ6K(MemorySegment w, long at, int to) {
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
            .intoArray(scales, to + sub * stride + row);
      }
    }
  }
}
