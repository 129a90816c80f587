package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.BYTES;
import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The innermost loops on panels of f32: {@code sums[t][row] = fma(w[k][row], x[t][k],
 * sums[t][row])} over ascending k, for some vectors of rows and 1, 2 or 4 tokens, whose sums lie 64
 * floats apart.
 *
 * <p>Written out by hand: the compiler keeps vectors in registers only if each is a variable of its
 * own. At most 16 sums, kept in an array between calls, or the first compiler tier runs out of
 * registers for the method and leaves it interpreted.
 */
final class F32Panels {
  private static final int ROWS = PackedMatrix.PANEL_ROWS;
  private static final long COLUMN_BYTES = ROWS * 4L;

  private F32Panels() {}

  /** Four vectors of rows, one token. */
  static void multiply1(
      MemorySegment w, long wAt, int count, MemorySegment x, long x0, float[] sums, int at) {
    FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
    FloatVector s01 = FloatVector.fromArray(FLOATS, sums, at + COUNT);
    FloatVector s02 = FloatVector.fromArray(FLOATS, sums, at + 2 * COUNT);
    FloatVector s03 = FloatVector.fromArray(FLOATS, sums, at + 3 * COUNT);
    for (int k = 0; k < count; k++) {
      long wK = wAt + k * COLUMN_BYTES;
      FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, w, wK, ORDER);
      FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, w, wK + BYTES, ORDER);
      FloatVector w2 = FloatVector.fromMemorySegment(FLOATS, w, wK + 2 * BYTES, ORDER);
      FloatVector w3 = FloatVector.fromMemorySegment(FLOATS, w, wK + 3 * BYTES, ORDER);
      FloatVector b0 = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, x0 + k * 4L));
      s00 = w0.fma(b0, s00);
      s01 = w1.fma(b0, s01);
      s02 = w2.fma(b0, s02);
      s03 = w3.fma(b0, s03);
    }
    s00.intoArray(sums, at);
    s01.intoArray(sums, at + COUNT);
    s02.intoArray(sums, at + 2 * COUNT);
    s03.intoArray(sums, at + 3 * COUNT);
  }

  /** Four vectors of rows, two tokens. */
  static void multiply2(
      MemorySegment w,
      long wAt,
      int count,
      MemorySegment x,
      long x0,
      long x1,
      float[] sums,
      int at) {
    FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
    FloatVector s01 = FloatVector.fromArray(FLOATS, sums, at + COUNT);
    FloatVector s02 = FloatVector.fromArray(FLOATS, sums, at + 2 * COUNT);
    FloatVector s03 = FloatVector.fromArray(FLOATS, sums, at + 3 * COUNT);
    FloatVector s10 = FloatVector.fromArray(FLOATS, sums, at + ROWS);
    FloatVector s11 = FloatVector.fromArray(FLOATS, sums, at + ROWS + COUNT);
    FloatVector s12 = FloatVector.fromArray(FLOATS, sums, at + ROWS + 2 * COUNT);
    FloatVector s13 = FloatVector.fromArray(FLOATS, sums, at + ROWS + 3 * COUNT);
    for (int k = 0; k < count; k++) {
      long wK = wAt + k * COLUMN_BYTES;
      FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, w, wK, ORDER);
      FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, w, wK + BYTES, ORDER);
      FloatVector w2 = FloatVector.fromMemorySegment(FLOATS, w, wK + 2 * BYTES, ORDER);
      FloatVector w3 = FloatVector.fromMemorySegment(FLOATS, w, wK + 3 * BYTES, ORDER);
      FloatVector b0 = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, x0 + k * 4L));
      s00 = w0.fma(b0, s00);
      s01 = w1.fma(b0, s01);
      s02 = w2.fma(b0, s02);
      s03 = w3.fma(b0, s03);
      FloatVector b1 = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, x1 + k * 4L));
      s10 = w0.fma(b1, s10);
      s11 = w1.fma(b1, s11);
      s12 = w2.fma(b1, s12);
      s13 = w3.fma(b1, s13);
    }
    s00.intoArray(sums, at);
    s01.intoArray(sums, at + COUNT);
    s02.intoArray(sums, at + 2 * COUNT);
    s03.intoArray(sums, at + 3 * COUNT);
    s10.intoArray(sums, at + ROWS);
    s11.intoArray(sums, at + ROWS + COUNT);
    s12.intoArray(sums, at + ROWS + 2 * COUNT);
    s13.intoArray(sums, at + ROWS + 3 * COUNT);
  }

  /** Four vectors of rows, four tokens: for machines with 32 vector registers. */
  static void multiply4(
      MemorySegment w,
      long wAt,
      int count,
      MemorySegment x,
      long x0,
      long x1,
      long x2,
      long x3,
      float[] sums,
      int at) {
    FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
    FloatVector s01 = FloatVector.fromArray(FLOATS, sums, at + COUNT);
    FloatVector s02 = FloatVector.fromArray(FLOATS, sums, at + 2 * COUNT);
    FloatVector s03 = FloatVector.fromArray(FLOATS, sums, at + 3 * COUNT);
    FloatVector s10 = FloatVector.fromArray(FLOATS, sums, at + ROWS);
    FloatVector s11 = FloatVector.fromArray(FLOATS, sums, at + ROWS + COUNT);
    FloatVector s12 = FloatVector.fromArray(FLOATS, sums, at + ROWS + 2 * COUNT);
    FloatVector s13 = FloatVector.fromArray(FLOATS, sums, at + ROWS + 3 * COUNT);
    FloatVector s20 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROWS);
    FloatVector s21 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROWS + COUNT);
    FloatVector s22 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROWS + 2 * COUNT);
    FloatVector s23 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROWS + 3 * COUNT);
    FloatVector s30 = FloatVector.fromArray(FLOATS, sums, at + 3 * ROWS);
    FloatVector s31 = FloatVector.fromArray(FLOATS, sums, at + 3 * ROWS + COUNT);
    FloatVector s32 = FloatVector.fromArray(FLOATS, sums, at + 3 * ROWS + 2 * COUNT);
    FloatVector s33 = FloatVector.fromArray(FLOATS, sums, at + 3 * ROWS + 3 * COUNT);
    for (int k = 0; k < count; k++) {
      long wK = wAt + k * COLUMN_BYTES;
      FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, w, wK, ORDER);
      FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, w, wK + BYTES, ORDER);
      FloatVector w2 = FloatVector.fromMemorySegment(FLOATS, w, wK + 2 * BYTES, ORDER);
      FloatVector w3 = FloatVector.fromMemorySegment(FLOATS, w, wK + 3 * BYTES, ORDER);
      FloatVector b0 = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, x0 + k * 4L));
      s00 = w0.fma(b0, s00);
      s01 = w1.fma(b0, s01);
      s02 = w2.fma(b0, s02);
      s03 = w3.fma(b0, s03);
      FloatVector b1 = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, x1 + k * 4L));
      s10 = w0.fma(b1, s10);
      s11 = w1.fma(b1, s11);
      s12 = w2.fma(b1, s12);
      s13 = w3.fma(b1, s13);
      FloatVector b2 = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, x2 + k * 4L));
      s20 = w0.fma(b2, s20);
      s21 = w1.fma(b2, s21);
      s22 = w2.fma(b2, s22);
      s23 = w3.fma(b2, s23);
      FloatVector b3 = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, x3 + k * 4L));
      s30 = w0.fma(b3, s30);
      s31 = w1.fma(b3, s31);
      s32 = w2.fma(b3, s32);
      s33 = w3.fma(b3, s33);
    }
    s00.intoArray(sums, at);
    s01.intoArray(sums, at + COUNT);
    s02.intoArray(sums, at + 2 * COUNT);
    s03.intoArray(sums, at + 3 * COUNT);
    s10.intoArray(sums, at + ROWS);
    s11.intoArray(sums, at + ROWS + COUNT);
    s12.intoArray(sums, at + ROWS + 2 * COUNT);
    s13.intoArray(sums, at + ROWS + 3 * COUNT);
    s20.intoArray(sums, at + 2 * ROWS);
    s21.intoArray(sums, at + 2 * ROWS + COUNT);
    s22.intoArray(sums, at + 2 * ROWS + 2 * COUNT);
    s23.intoArray(sums, at + 2 * ROWS + 3 * COUNT);
    s30.intoArray(sums, at + 3 * ROWS);
    s31.intoArray(sums, at + 3 * ROWS + COUNT);
    s32.intoArray(sums, at + 3 * ROWS + 2 * COUNT);
    s33.intoArray(sums, at + 3 * ROWS + 3 * COUNT);
  }

  /** Two vectors of rows, four tokens: for machines with 16 vector registers. */
  static void multiply4Narrow(
      MemorySegment w,
      long wAt,
      int count,
      MemorySegment x,
      long x0,
      long x1,
      long x2,
      long x3,
      float[] sums,
      int at) {
    FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
    FloatVector s01 = FloatVector.fromArray(FLOATS, sums, at + COUNT);
    FloatVector s10 = FloatVector.fromArray(FLOATS, sums, at + ROWS);
    FloatVector s11 = FloatVector.fromArray(FLOATS, sums, at + ROWS + COUNT);
    FloatVector s20 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROWS);
    FloatVector s21 = FloatVector.fromArray(FLOATS, sums, at + 2 * ROWS + COUNT);
    FloatVector s30 = FloatVector.fromArray(FLOATS, sums, at + 3 * ROWS);
    FloatVector s31 = FloatVector.fromArray(FLOATS, sums, at + 3 * ROWS + COUNT);
    for (int k = 0; k < count; k++) {
      long wK = wAt + k * COLUMN_BYTES;
      FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, w, wK, ORDER);
      FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, w, wK + BYTES, ORDER);
      FloatVector b0 = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, x0 + k * 4L));
      s00 = w0.fma(b0, s00);
      s01 = w1.fma(b0, s01);
      FloatVector b1 = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, x1 + k * 4L));
      s10 = w0.fma(b1, s10);
      s11 = w1.fma(b1, s11);
      FloatVector b2 = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, x2 + k * 4L));
      s20 = w0.fma(b2, s20);
      s21 = w1.fma(b2, s21);
      FloatVector b3 = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, x3 + k * 4L));
      s30 = w0.fma(b3, s30);
      s31 = w1.fma(b3, s31);
    }
    s00.intoArray(sums, at);
    s01.intoArray(sums, at + COUNT);
    s10.intoArray(sums, at + ROWS);
    s11.intoArray(sums, at + ROWS + COUNT);
    s20.intoArray(sums, at + 2 * ROWS);
    s21.intoArray(sums, at + 2 * ROWS + COUNT);
    s30.intoArray(sums, at + 3 * ROWS);
    s31.intoArray(sums, at + 3 * ROWS + COUNT);
  }
}
