package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.BYTES;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The innermost loops on panels of f32: {@code y[t][row] = fma(w[k][row], x[t][k], y[t][row])} over
 * ascending k, for some vectors of rows and 1, 2 or 4 tokens.
 *
 * <p>Sums start from what is in y. At most 16 of them, or the first compiler tier gives up. Written
 * out by hand: the compiler keeps vectors in registers only if each is a variable of its own.
 */
final class F32Panels {
  private static final long COLUMN_BYTES = PackedMatrix.PANEL_ROWS * 4L;

  private F32Panels() {}

  /** Four vectors of rows, one token. */
  static void multiply1(
      MemorySegment w, long wAt, int count, MemorySegment x, long x0, MemorySegment y, long yAt) {
    FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, y, yAt, ORDER);
    FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, y, yAt + BYTES, ORDER);
    FloatVector s02 = FloatVector.fromMemorySegment(FLOATS, y, yAt + 2 * BYTES, ORDER);
    FloatVector s03 = FloatVector.fromMemorySegment(FLOATS, y, yAt + 3 * BYTES, ORDER);
    for (int k = 0; k < count; k++) {
      long at = wAt + k * COLUMN_BYTES;
      FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, w, at, ORDER);
      FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, w, at + BYTES, ORDER);
      FloatVector w2 = FloatVector.fromMemorySegment(FLOATS, w, at + 2 * BYTES, ORDER);
      FloatVector w3 = FloatVector.fromMemorySegment(FLOATS, w, at + 3 * BYTES, ORDER);
      FloatVector b0 = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, x0 + k * 4L));
      s00 = w0.fma(b0, s00);
      s01 = w1.fma(b0, s01);
      s02 = w2.fma(b0, s02);
      s03 = w3.fma(b0, s03);
    }
    s00.intoMemorySegment(y, yAt, ORDER);
    s01.intoMemorySegment(y, yAt + BYTES, ORDER);
    s02.intoMemorySegment(y, yAt + 2 * BYTES, ORDER);
    s03.intoMemorySegment(y, yAt + 3 * BYTES, ORDER);
  }

  /** Four vectors of rows, two tokens; rows of y lie {@code yStride} bytes apart. */
  static void multiply2(
      MemorySegment w,
      long wAt,
      int count,
      MemorySegment x,
      long x0,
      long x1,
      MemorySegment y,
      long yAt,
      long yStride) {
    long y1 = yAt + yStride;
    FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, y, yAt, ORDER);
    FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, y, yAt + BYTES, ORDER);
    FloatVector s02 = FloatVector.fromMemorySegment(FLOATS, y, yAt + 2 * BYTES, ORDER);
    FloatVector s03 = FloatVector.fromMemorySegment(FLOATS, y, yAt + 3 * BYTES, ORDER);
    FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, y, y1, ORDER);
    FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, y, y1 + BYTES, ORDER);
    FloatVector s12 = FloatVector.fromMemorySegment(FLOATS, y, y1 + 2 * BYTES, ORDER);
    FloatVector s13 = FloatVector.fromMemorySegment(FLOATS, y, y1 + 3 * BYTES, ORDER);
    for (int k = 0; k < count; k++) {
      long at = wAt + k * COLUMN_BYTES;
      FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, w, at, ORDER);
      FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, w, at + BYTES, ORDER);
      FloatVector w2 = FloatVector.fromMemorySegment(FLOATS, w, at + 2 * BYTES, ORDER);
      FloatVector w3 = FloatVector.fromMemorySegment(FLOATS, w, at + 3 * BYTES, ORDER);
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
    s00.intoMemorySegment(y, yAt, ORDER);
    s01.intoMemorySegment(y, yAt + BYTES, ORDER);
    s02.intoMemorySegment(y, yAt + 2 * BYTES, ORDER);
    s03.intoMemorySegment(y, yAt + 3 * BYTES, ORDER);
    s10.intoMemorySegment(y, y1, ORDER);
    s11.intoMemorySegment(y, y1 + BYTES, ORDER);
    s12.intoMemorySegment(y, y1 + 2 * BYTES, ORDER);
    s13.intoMemorySegment(y, y1 + 3 * BYTES, ORDER);
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
      MemorySegment y,
      long yAt,
      long yStride) {
    long y1 = yAt + yStride;
    long y2 = yAt + 2 * yStride;
    long y3 = yAt + 3 * yStride;
    FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, y, yAt, ORDER);
    FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, y, yAt + BYTES, ORDER);
    FloatVector s02 = FloatVector.fromMemorySegment(FLOATS, y, yAt + 2 * BYTES, ORDER);
    FloatVector s03 = FloatVector.fromMemorySegment(FLOATS, y, yAt + 3 * BYTES, ORDER);
    FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, y, y1, ORDER);
    FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, y, y1 + BYTES, ORDER);
    FloatVector s12 = FloatVector.fromMemorySegment(FLOATS, y, y1 + 2 * BYTES, ORDER);
    FloatVector s13 = FloatVector.fromMemorySegment(FLOATS, y, y1 + 3 * BYTES, ORDER);
    FloatVector s20 = FloatVector.fromMemorySegment(FLOATS, y, y2, ORDER);
    FloatVector s21 = FloatVector.fromMemorySegment(FLOATS, y, y2 + BYTES, ORDER);
    FloatVector s22 = FloatVector.fromMemorySegment(FLOATS, y, y2 + 2 * BYTES, ORDER);
    FloatVector s23 = FloatVector.fromMemorySegment(FLOATS, y, y2 + 3 * BYTES, ORDER);
    FloatVector s30 = FloatVector.fromMemorySegment(FLOATS, y, y3, ORDER);
    FloatVector s31 = FloatVector.fromMemorySegment(FLOATS, y, y3 + BYTES, ORDER);
    FloatVector s32 = FloatVector.fromMemorySegment(FLOATS, y, y3 + 2 * BYTES, ORDER);
    FloatVector s33 = FloatVector.fromMemorySegment(FLOATS, y, y3 + 3 * BYTES, ORDER);
    for (int k = 0; k < count; k++) {
      long at = wAt + k * COLUMN_BYTES;
      FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, w, at, ORDER);
      FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, w, at + BYTES, ORDER);
      FloatVector w2 = FloatVector.fromMemorySegment(FLOATS, w, at + 2 * BYTES, ORDER);
      FloatVector w3 = FloatVector.fromMemorySegment(FLOATS, w, at + 3 * BYTES, ORDER);
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
    s00.intoMemorySegment(y, yAt, ORDER);
    s01.intoMemorySegment(y, yAt + BYTES, ORDER);
    s02.intoMemorySegment(y, yAt + 2 * BYTES, ORDER);
    s03.intoMemorySegment(y, yAt + 3 * BYTES, ORDER);
    s10.intoMemorySegment(y, y1, ORDER);
    s11.intoMemorySegment(y, y1 + BYTES, ORDER);
    s12.intoMemorySegment(y, y1 + 2 * BYTES, ORDER);
    s13.intoMemorySegment(y, y1 + 3 * BYTES, ORDER);
    s20.intoMemorySegment(y, y2, ORDER);
    s21.intoMemorySegment(y, y2 + BYTES, ORDER);
    s22.intoMemorySegment(y, y2 + 2 * BYTES, ORDER);
    s23.intoMemorySegment(y, y2 + 3 * BYTES, ORDER);
    s30.intoMemorySegment(y, y3, ORDER);
    s31.intoMemorySegment(y, y3 + BYTES, ORDER);
    s32.intoMemorySegment(y, y3 + 2 * BYTES, ORDER);
    s33.intoMemorySegment(y, y3 + 3 * BYTES, ORDER);
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
      MemorySegment y,
      long yAt,
      long yStride) {
    long y1 = yAt + yStride;
    long y2 = yAt + 2 * yStride;
    long y3 = yAt + 3 * yStride;
    FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, y, yAt, ORDER);
    FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, y, yAt + BYTES, ORDER);
    FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, y, y1, ORDER);
    FloatVector s11 = FloatVector.fromMemorySegment(FLOATS, y, y1 + BYTES, ORDER);
    FloatVector s20 = FloatVector.fromMemorySegment(FLOATS, y, y2, ORDER);
    FloatVector s21 = FloatVector.fromMemorySegment(FLOATS, y, y2 + BYTES, ORDER);
    FloatVector s30 = FloatVector.fromMemorySegment(FLOATS, y, y3, ORDER);
    FloatVector s31 = FloatVector.fromMemorySegment(FLOATS, y, y3 + BYTES, ORDER);
    for (int k = 0; k < count; k++) {
      long at = wAt + k * COLUMN_BYTES;
      FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, w, at, ORDER);
      FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, w, at + BYTES, ORDER);
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
    s00.intoMemorySegment(y, yAt, ORDER);
    s01.intoMemorySegment(y, yAt + BYTES, ORDER);
    s10.intoMemorySegment(y, y1, ORDER);
    s11.intoMemorySegment(y, y1 + BYTES, ORDER);
    s20.intoMemorySegment(y, y2, ORDER);
    s21.intoMemorySegment(y, y2 + BYTES, ORDER);
    s30.intoMemorySegment(y, y3, ORDER);
    s31.intoMemorySegment(y, y3 + BYTES, ORDER);
  }
}
