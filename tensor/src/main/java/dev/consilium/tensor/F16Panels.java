package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.BYTES;
import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.INTS;
import static dev.consilium.tensor.Lanes.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * The innermost loops on panels of finite f16, whose weights lie in pairs: see {@link
 * PackedMatrix}.
 *
 * <p>Widening, without a branch and without subnormal arithmetic: with the 15 bits of the magnitude
 * moved to where f32 has them,
 *
 * <ul>
 *   <li>adding 112 to the exponent gives {@code v}, right for normal numbers; for subnormal ones it
 *       gives the value plus half the difference to 2^-14, too much;
 *   <li>adding 113 and subtracting 2^-14 gives {@code 2 v - 2^-14}, right for subnormal numbers,
 *       and for normal ones at least {@code v}.
 * </ul>
 *
 * So the smaller of both is right for all; both are positive, so they compare as integers.
 */
final class F16Panels {
  private static final int PAIRS = PackedMatrix.PANEL_ROWS / 2;
  private static final long COLUMN_BYTES = PAIRS * 4L;
  private static final int MAGNITUDE = 0x7fff << 13;
  private static final int SIGN = 0x8000_0000;
  private static final int REBIAS = 112 << 23;
  private static final int REBIAS_SUBNORMAL = 113 << 23;
  private static final float LEAST_NORMAL = 0x1p-14f;

  private F16Panels() {}

  /** {@code y[row] = fma(w[k][row], x[k], y[row])} over ascending k, for the 64 rows of a panel. */
  static void multiply(
      MemorySegment w, long wAt, int count, MemorySegment x, long xAt, MemorySegment y, long yAt) {
    for (int pair = 0; pair < PAIRS; pair += 2 * COUNT) {
      long y0 = yAt + PairedRows.ofPair(pair) * 4L;
      long y1 = yAt + PairedRows.ofPair(pair + COUNT) * 4L;
      multiplyPairs(w, wAt + pair * 4L, count, x, xAt, y, y0, y1);
    }
  }

  /** Two vectors of pairs, whose lower rows start at y0 and y1. */
  private static void multiplyPairs(
      MemorySegment w,
      long wAt,
      int count,
      MemorySegment x,
      long xAt,
      MemorySegment y,
      long y0,
      long y1) {
    FloatVector low0 = FloatVector.fromMemorySegment(FLOATS, y, y0, ORDER);
    FloatVector high0 = FloatVector.fromMemorySegment(FLOATS, y, y0 + 64, ORDER);
    FloatVector low1 = FloatVector.fromMemorySegment(FLOATS, y, y1, ORDER);
    FloatVector high1 = FloatVector.fromMemorySegment(FLOATS, y, y1 + 64, ORDER);
    for (int k = 0; k < count; k++) {
      long at = wAt + k * COLUMN_BYTES;
      IntVector p0 = IntVector.fromMemorySegment(INTS, w, at, ORDER);
      IntVector p1 = IntVector.fromMemorySegment(INTS, w, at + BYTES, ORDER);
      FloatVector b = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, xAt + k * 4L));
      low0 = widened(p0.lanewise(LSHL, 13).and(MAGNITUDE), p0.lanewise(LSHL, 16)).fma(b, low0);
      high0 = widened(p0.lanewise(LSHR, 3).and(MAGNITUDE), p0).fma(b, high0);
      low1 = widened(p1.lanewise(LSHL, 13).and(MAGNITUDE), p1.lanewise(LSHL, 16)).fma(b, low1);
      high1 = widened(p1.lanewise(LSHR, 3).and(MAGNITUDE), p1).fma(b, high1);
    }
    low0.intoMemorySegment(y, y0, ORDER);
    high0.intoMemorySegment(y, y0 + 64, ORDER);
    low1.intoMemorySegment(y, y1, ORDER);
    high1.intoMemorySegment(y, y1 + 64, ORDER);
  }

  /**
   * @param magnitude the 15 bits of the magnitude, moved to where f32 has exponent and fraction
   * @param signed any bits, of which the sign is taken
   */
  private static FloatVector widened(IntVector magnitude, IntVector signed) {
    IntVector subnormal =
        magnitude.add(REBIAS_SUBNORMAL).reinterpretAsFloats().sub(LEAST_NORMAL).reinterpretAsInts();
    return magnitude.add(REBIAS).min(subnormal).or(signed.and(SIGN)).reinterpretAsFloats();
  }

  /** Widens some columns of a panel into {@code [count][64]} of f32. */
  static void widen(MemorySegment w, long wAt, int count, MemorySegment into) {
    for (int pair = 0; pair < PAIRS; pair += COUNT) {
      widenPairs(w, wAt + pair * 4L, count, into, PairedRows.ofPair(pair) * 4L);
    }
  }

  private static void widenPairs(
      MemorySegment w, long wAt, int count, MemorySegment into, long intoAt) {
    for (int k = 0; k < count; k++) {
      IntVector p = IntVector.fromMemorySegment(INTS, w, wAt + k * COLUMN_BYTES, ORDER);
      long at = intoAt + k * (2 * COLUMN_BYTES);
      widened(p.lanewise(LSHL, 13).and(MAGNITUDE), p.lanewise(LSHL, 16))
          .intoMemorySegment(into, at, ORDER);
      widened(p.lanewise(LSHR, 3).and(MAGNITUDE), p).intoMemorySegment(into, at + 64, ORDER);
    }
  }
}
