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

  /**
   * {@code sums[row] = fma(w[k][row], x[k], sums[row])} over ascending k, for the 64 rows of a
   * panel.
   */
  static void multiply(
      MemorySegment w, long wAt, int count, MemorySegment x, long xAt, float[] sums) {
    for (int pair = 0; pair < PAIRS; pair += 2 * COUNT) {
      int row0 = PairedRows.ofPair(pair);
      int row1 = PairedRows.ofPair(pair + COUNT);
      multiplyPairs(w, wAt + pair * 4L, count, x, xAt, sums, row0, row1);
    }
  }

  /** Two vectors of pairs, whose lower rows start at row0 and row1. */
  private static void multiplyPairs(
      MemorySegment w,
      long wAt,
      int count,
      MemorySegment x,
      long xAt,
      float[] sums,
      int row0,
      int row1) {
    FloatVector low0 = FloatVector.fromArray(FLOATS, sums, row0);
    FloatVector high0 = FloatVector.fromArray(FLOATS, sums, row0 + 16);
    FloatVector low1 = FloatVector.fromArray(FLOATS, sums, row1);
    FloatVector high1 = FloatVector.fromArray(FLOATS, sums, row1 + 16);
    for (int k = 0; k < count; k++) {
      long at = wAt + k * COLUMN_BYTES;
      IntVector p0 = IntVector.fromMemorySegment(INTS, w, at, ORDER);
      IntVector p1 = IntVector.fromMemorySegment(INTS, w, at + BYTES, ORDER);
      FloatVector b = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, xAt + k * 4L));
      IntVector l0 = p0.lanewise(LSHL, 13).and(MAGNITUDE);
      IntVector l0s =
          l0.add(REBIAS_SUBNORMAL).reinterpretAsFloats().sub(LEAST_NORMAL).reinterpretAsInts();
      IntVector l0v = l0.add(REBIAS).min(l0s).or(p0.lanewise(LSHL, 16).and(SIGN));
      low0 = l0v.reinterpretAsFloats().fma(b, low0);
      IntVector h0 = p0.lanewise(LSHR, 3).and(MAGNITUDE);
      IntVector h0s =
          h0.add(REBIAS_SUBNORMAL).reinterpretAsFloats().sub(LEAST_NORMAL).reinterpretAsInts();
      IntVector h0v = h0.add(REBIAS).min(h0s).or(p0.and(SIGN));
      high0 = h0v.reinterpretAsFloats().fma(b, high0);
      IntVector l1 = p1.lanewise(LSHL, 13).and(MAGNITUDE);
      IntVector l1s =
          l1.add(REBIAS_SUBNORMAL).reinterpretAsFloats().sub(LEAST_NORMAL).reinterpretAsInts();
      IntVector l1v = l1.add(REBIAS).min(l1s).or(p1.lanewise(LSHL, 16).and(SIGN));
      low1 = l1v.reinterpretAsFloats().fma(b, low1);
      IntVector h1 = p1.lanewise(LSHR, 3).and(MAGNITUDE);
      IntVector h1s =
          h1.add(REBIAS_SUBNORMAL).reinterpretAsFloats().sub(LEAST_NORMAL).reinterpretAsInts();
      IntVector h1v = h1.add(REBIAS).min(h1s).or(p1.and(SIGN));
      high1 = h1v.reinterpretAsFloats().fma(b, high1);
    }
    low0.intoArray(sums, row0);
    high0.intoArray(sums, row0 + 16);
    low1.intoArray(sums, row1);
    high1.intoArray(sums, row1 + 16);
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
      IntVector low = p.lanewise(LSHL, 13).and(MAGNITUDE);
      IntVector lowSubnormal =
          low.add(REBIAS_SUBNORMAL).reinterpretAsFloats().sub(LEAST_NORMAL).reinterpretAsInts();
      low.add(REBIAS)
          .min(lowSubnormal)
          .or(p.lanewise(LSHL, 16).and(SIGN))
          .intoMemorySegment(into, at, ORDER);
      IntVector high = p.lanewise(LSHR, 3).and(MAGNITUDE);
      IntVector highSubnormal =
          high.add(REBIAS_SUBNORMAL).reinterpretAsFloats().sub(LEAST_NORMAL).reinterpretAsInts();
      high.add(REBIAS).min(highSubnormal).or(p.and(SIGN)).intoMemorySegment(into, at + 64, ORDER);
    }
  }
}
