package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.BYTES;
import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.INTS;
import static dev.consilium.tensor.Lanes.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.VectorOperators.LSHL;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/** The innermost loops on panels of bf16, whose weights lie in pairs: see {@link PackedMatrix}. */
final class Bf16Panels {
  private static final int PAIRS = PackedMatrix.PANEL_ROWS / 2;
  private static final long COLUMN_BYTES = PAIRS * 4L;
  private static final int UPPER = 0xffff_0000;

  private Bf16Panels() {}

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
      low0 = p0.lanewise(LSHL, 16).reinterpretAsFloats().fma(b, low0);
      high0 = p0.and(UPPER).reinterpretAsFloats().fma(b, high0);
      low1 = p1.lanewise(LSHL, 16).reinterpretAsFloats().fma(b, low1);
      high1 = p1.and(UPPER).reinterpretAsFloats().fma(b, high1);
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
      IntVector pairs = IntVector.fromMemorySegment(INTS, w, wAt + k * COLUMN_BYTES, ORDER);
      long at = intoAt + k * (2 * COLUMN_BYTES);
      pairs.lanewise(LSHL, 16).intoMemorySegment(into, at, ORDER);
      pairs.and(UPPER).intoMemorySegment(into, at + 64, ORDER);
    }
  }
}
