package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.BYTES;
import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.DOUBLES;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.INTS;
import static dev.consilium.tensor.Lanes.LONGS;
import static dev.consilium.tensor.Lanes.ORDER;
import static dev.consilium.tensor.TileMemory.ALL;
import static dev.consilium.tensor.TileMemory.CHUNK_GROUPS;
import static dev.consilium.tensor.TileMemory.COLUMN_BYTES;
import static dev.consilium.tensor.TileMemory.DOTS_AT;
import static dev.consilium.tensor.TileMemory.DOTS_BYTES;
import static dev.consilium.tensor.TileMemory.LAST_VECTOR;
import static dev.consilium.tensor.TileMemory.MOST_GROUPS;
import static dev.consilium.tensor.TileMemory.PANEL_BYTES;
import static dev.consilium.tensor.TileMemory.PASS;
import static dev.consilium.tensor.TileMemory.ROWS_BYTES;
import static dev.consilium.tensor.TileMemory.SCALES_AT;
import static dev.consilium.tensor.TileMemory.SLOTS;
import static dev.consilium.tensor.TileMemory.SLOT_BYTES;
import static dev.consilium.tensor.TileMemory.SUMS_AT;
import static dev.consilium.tensor.TileMemory.TOKENS;
import static dev.consilium.tensor.TileMemory.TO_MINIMA;
import static dev.consilium.tensor.TileMemory.WEIGHTS_AT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorMask;

/**
 * The innermost loops on quants of three rows in one double, for four tokens and six panels or
 * three.
 *
 * <p>The dot product of a group of columns is an integer of at most 16 bits and a sign, where
 * quants have up to 6 bits with their offset taken off. So a double holds three, exactly, and
 *
 * <pre>
 * (w0 + 2^17 w1 + 2^34 w2) x + (d0 + 2^17 d1 + 2^34 d2)
 * </pre>
 *
 * <p>is three multiply-adds in one: of doubles as many as there are lanes, half as many again as of
 * floats. Sums start at 2^52 + 2^16 (1 + 2^17 + 2^34), so that the lower bits of the double are
 * three numbers from 0 on, each 2^16 too large. Then, as with {@link ScaledTiles},
 *
 * <pre>
 * sums[t][row] = fma(dot, scales[group][row] * factors[block][t], sums[t][row])
 * sums[t][row] = fma(minima[group][row], taken[block][t], sums[t][row])   where there are minima
 * </pre>
 *
 * <p>Three panels p, q, r make two vectors for each vector of rows, {@code a} and {@code b}, whose
 * double i holds these rows, from the lowest bits on:
 *
 * <pre>
 * a: row 2 i of p, row 2 i of r, row 2 i + 1 of q
 * b: row 2 i of q, row 2 i + 1 of r, row 2 i + 1 of p
 * </pre>
 *
 * <p>so that as ints a and b hold the sums of p and q at the right lanes, and only r is shifted.
 *
 * <p>Activations are blocks of 32 doubles of each token. About checks and repetition see {@link
 * ScaledTiles}.
 */
final class TripleTiles {
  /** Panels in a double. */
  static final int PANELS = 3;

  /** Bits from one row of a double to the next. */
  static final int SHIFT = 17;

  /** One in each of the rows of a double. */
  static final double ONES = 1 + 0x1p17 + 0x1p34;

  /** Doubles from a token's columns to the next token's, and of a block of all tokens. */
  static final int TOKEN = QuantLayout.BLOCK;

  static final int X_BLOCK = TOKENS * TOKEN;

  /** Vectors of three panels, and of six. */
  static final int VECTORS = 2 * QuantLayout.ROWS / COUNT;

  static final int MOST_VECTORS = 2 * VECTORS;

  /** What is taken off the quants of layouts with a minimum, and given back to each product. */
  static final int CENTRE = 16;

  private static final float BIAS = 0x1p16f;
  private static final double START = 0x1p52 + BIAS * ONES;

  /** The bits of the lowest row in a, or b, and of the highest row; the latter are shifted by 2. */
  private static final IntVector LOWEST = alternating(0x1ffff, 0);

  private static final IntVector HIGHEST = alternating(0, 0x7fffc);
  private static final IntVector SHIFTED = alternating(0, 0x1ffff);

  /** As floats 2^23 and 2^21: their lowest bits are those of integers, or shifted by 2. */
  private static final IntVector EXPONENTS = alternating(0x4b00_0000, 0x4a00_0000);

  private static final int EXPONENT = 0x4b00_0000;
  private static final FloatVector TAKE_OFF = EXPONENTS.reinterpretAsFloats().add(BIAS);

  private TripleTiles() {}

  private static IntVector alternating(int even, int odd) {
    return IntVector.broadcast(INTS, even)
        .blend(odd, VectorMask.fromLong(INTS, 0xaaaa_aaaa_aaaa_aaaaL));
  }

  /** The dot products of four vectors: for machines with 32 vector registers. */
  static void dots4(int slot, int vector, int groups, int step, double[] x, int xAt) {
    long base = (slot & (SLOTS - 1)) * SLOT_BYTES;
    long row = (vector & LAST_VECTOR) * BYTES;
    int end = Math.min(step, QuantLayout.BLOCK);
    for (int group = 0; group < groups; group++) {
      int column = group * step & (PASS * QuantLayout.BLOCK - 1);
      int tokens = xAt + column / QuantLayout.BLOCK * X_BLOCK + column % QuantLayout.BLOCK;
      long columns = base + WEIGHTS_AT + column * COLUMN_BYTES + row;
      DoubleVector d00 = DoubleVector.broadcast(DOUBLES, START);
      DoubleVector d01 = d00;
      DoubleVector d02 = d00;
      DoubleVector d03 = d00;
      DoubleVector d10 = d00;
      DoubleVector d11 = d00;
      DoubleVector d12 = d00;
      DoubleVector d13 = d00;
      DoubleVector d20 = d00;
      DoubleVector d21 = d00;
      DoubleVector d22 = d00;
      DoubleVector d23 = d00;
      DoubleVector d30 = d00;
      DoubleVector d31 = d00;
      DoubleVector d32 = d00;
      DoubleVector d33 = d00;
      for (int k = 0; k < end; k++) {
        long wK = (k & (QuantLayout.BLOCK - 1)) * COLUMN_BYTES;
        int xK = tokens + k;
        DoubleVector w0 = DoubleVector.fromMemorySegment(DOUBLES, ALL, columns + wK, ORDER);
        DoubleVector w1 = DoubleVector.fromMemorySegment(DOUBLES, ALL, columns + wK + BYTES, ORDER);
        DoubleVector w2 =
            DoubleVector.fromMemorySegment(DOUBLES, ALL, columns + wK + 2 * BYTES, ORDER);
        DoubleVector w3 =
            DoubleVector.fromMemorySegment(DOUBLES, ALL, columns + wK + 3 * BYTES, ORDER);
        DoubleVector b0 = DoubleVector.broadcast(DOUBLES, x[xK]);
        d00 = w0.fma(b0, d00);
        d01 = w1.fma(b0, d01);
        d02 = w2.fma(b0, d02);
        d03 = w3.fma(b0, d03);
        DoubleVector b1 = DoubleVector.broadcast(DOUBLES, x[xK + TOKEN]);
        d10 = w0.fma(b1, d10);
        d11 = w1.fma(b1, d11);
        d12 = w2.fma(b1, d12);
        d13 = w3.fma(b1, d13);
        DoubleVector b2 = DoubleVector.broadcast(DOUBLES, x[xK + 2 * TOKEN]);
        d20 = w0.fma(b2, d20);
        d21 = w1.fma(b2, d21);
        d22 = w2.fma(b2, d22);
        d23 = w3.fma(b2, d23);
        DoubleVector b3 = DoubleVector.broadcast(DOUBLES, x[xK + 3 * TOKEN]);
        d30 = w0.fma(b3, d30);
        d31 = w1.fma(b3, d31);
        d32 = w2.fma(b3, d32);
        d33 = w3.fma(b3, d33);
      }
      long dots = base + DOTS_AT + (group & (MOST_GROUPS - 1)) * DOTS_BYTES + row;
      d00.intoMemorySegment(ALL, dots, ORDER);
      d01.intoMemorySegment(ALL, dots + BYTES, ORDER);
      d02.intoMemorySegment(ALL, dots + 2 * BYTES, ORDER);
      d03.intoMemorySegment(ALL, dots + 3 * BYTES, ORDER);
      d10.intoMemorySegment(ALL, dots + COLUMN_BYTES, ORDER);
      d11.intoMemorySegment(ALL, dots + COLUMN_BYTES + BYTES, ORDER);
      d12.intoMemorySegment(ALL, dots + COLUMN_BYTES + 2 * BYTES, ORDER);
      d13.intoMemorySegment(ALL, dots + COLUMN_BYTES + 3 * BYTES, ORDER);
      d20.intoMemorySegment(ALL, dots + 2 * COLUMN_BYTES, ORDER);
      d21.intoMemorySegment(ALL, dots + 2 * COLUMN_BYTES + BYTES, ORDER);
      d22.intoMemorySegment(ALL, dots + 2 * COLUMN_BYTES + 2 * BYTES, ORDER);
      d23.intoMemorySegment(ALL, dots + 2 * COLUMN_BYTES + 3 * BYTES, ORDER);
      d30.intoMemorySegment(ALL, dots + 3 * COLUMN_BYTES, ORDER);
      d31.intoMemorySegment(ALL, dots + 3 * COLUMN_BYTES + BYTES, ORDER);
      d32.intoMemorySegment(ALL, dots + 3 * COLUMN_BYTES + 2 * BYTES, ORDER);
      d33.intoMemorySegment(ALL, dots + 3 * COLUMN_BYTES + 3 * BYTES, ORDER);
    }
  }

  /**
   * The dot products of two vectors: for machines with 16 vector registers, and for three panels.
   */
  static void dots4Narrow(int slot, int vector, int groups, int step, double[] x, int xAt) {
    long base = (slot & (SLOTS - 1)) * SLOT_BYTES;
    long row = (vector & LAST_VECTOR) * BYTES;
    int end = Math.min(step, QuantLayout.BLOCK);
    for (int group = 0; group < groups; group++) {
      int column = group * step & (PASS * QuantLayout.BLOCK - 1);
      int tokens = xAt + column / QuantLayout.BLOCK * X_BLOCK + column % QuantLayout.BLOCK;
      long columns = base + WEIGHTS_AT + column * COLUMN_BYTES + row;
      DoubleVector d00 = DoubleVector.broadcast(DOUBLES, START);
      DoubleVector d01 = d00;
      DoubleVector d10 = d00;
      DoubleVector d11 = d00;
      DoubleVector d20 = d00;
      DoubleVector d21 = d00;
      DoubleVector d30 = d00;
      DoubleVector d31 = d00;
      for (int k = 0; k < end; k++) {
        long wK = (k & (QuantLayout.BLOCK - 1)) * COLUMN_BYTES;
        int xK = tokens + k;
        DoubleVector w0 = DoubleVector.fromMemorySegment(DOUBLES, ALL, columns + wK, ORDER);
        DoubleVector w1 = DoubleVector.fromMemorySegment(DOUBLES, ALL, columns + wK + BYTES, ORDER);
        DoubleVector b0 = DoubleVector.broadcast(DOUBLES, x[xK]);
        d00 = w0.fma(b0, d00);
        d01 = w1.fma(b0, d01);
        DoubleVector b1 = DoubleVector.broadcast(DOUBLES, x[xK + TOKEN]);
        d10 = w0.fma(b1, d10);
        d11 = w1.fma(b1, d11);
        DoubleVector b2 = DoubleVector.broadcast(DOUBLES, x[xK + 2 * TOKEN]);
        d20 = w0.fma(b2, d20);
        d21 = w1.fma(b2, d21);
        DoubleVector b3 = DoubleVector.broadcast(DOUBLES, x[xK + 3 * TOKEN]);
        d30 = w0.fma(b3, d30);
        d31 = w1.fma(b3, d31);
      }
      long dots = base + DOTS_AT + (group & (MOST_GROUPS - 1)) * DOTS_BYTES + row;
      d00.intoMemorySegment(ALL, dots, ORDER);
      d01.intoMemorySegment(ALL, dots + BYTES, ORDER);
      d10.intoMemorySegment(ALL, dots + COLUMN_BYTES, ORDER);
      d11.intoMemorySegment(ALL, dots + COLUMN_BYTES + BYTES, ORDER);
      d20.intoMemorySegment(ALL, dots + 2 * COLUMN_BYTES, ORDER);
      d21.intoMemorySegment(ALL, dots + 2 * COLUMN_BYTES + BYTES, ORDER);
      d30.intoMemorySegment(ALL, dots + 3 * COLUMN_BYTES, ORDER);
      d31.intoMemorySegment(ALL, dots + 3 * COLUMN_BYTES + BYTES, ORDER);
    }
  }

  /**
   * Scales the dot products of some groups and adds them to the sums.
   *
   * @param groupsOfBlock one or two
   */
  static void addScaled(
      int slot,
      int vectors,
      int from,
      int groups,
      int groupsOfBlock,
      float[] factors,
      int factorsAt,
      int firstToken) {
    int end = Math.min(groups, MOST_GROUPS);
    int halves = groupsOfBlock - 1;
    long base = (slot & (SLOTS - 1)) * SLOT_BYTES;
    long sums = base + SUMS_AT + (firstToken & (WidenedTokens.MOST - 1)) * ROWS_BYTES;
    long dots = base + DOTS_AT;
    long scales = base + SCALES_AT;
    for (int i = 0; i < vectors; i++) {
      // Two vectors of dot products and two tokens at a time.
      int token = 2 * (i & 1);
      int vector = i / 2 & (MOST_VECTORS / 2 - 1);
      long row = vector / (VECTORS / 2) * (PANELS * PANEL_BYTES) + vector % (VECTORS / 2) * BYTES;
      long sum = token * ROWS_BYTES + row;
      FloatVector s0 = FloatVector.fromMemorySegment(FLOATS, ALL, sums + sum, ORDER);
      FloatVector s1 = FloatVector.fromMemorySegment(FLOATS, ALL, sums + sum + PANEL_BYTES, ORDER);
      FloatVector s2 =
          FloatVector.fromMemorySegment(FLOATS, ALL, sums + sum + 2 * PANEL_BYTES, ORDER);
      FloatVector t0 = FloatVector.fromMemorySegment(FLOATS, ALL, sums + sum + ROWS_BYTES, ORDER);
      FloatVector t1 =
          FloatVector.fromMemorySegment(FLOATS, ALL, sums + sum + ROWS_BYTES + PANEL_BYTES, ORDER);
      FloatVector t2 =
          FloatVector.fromMemorySegment(
              FLOATS, ALL, sums + sum + ROWS_BYTES + 2 * PANEL_BYTES, ORDER);
      for (int g = 0; g < end; g++) {
        int group = g & (MOST_GROUPS - 1);
        long scaleAt = scales + (from + group & (CHUNK_GROUPS - 1)) * ROWS_BYTES + row;
        long dotAt = group * DOTS_BYTES + token * COLUMN_BYTES + vector * (2 * BYTES);
        int factorAt = factorsAt + (group >> halves) * WidenedTokens.FACTORS + token;
        FloatVector scale0 = FloatVector.fromMemorySegment(FLOATS, ALL, scaleAt, ORDER);
        FloatVector scale1 =
            FloatVector.fromMemorySegment(FLOATS, ALL, scaleAt + PANEL_BYTES, ORDER);
        FloatVector scale2 =
            FloatVector.fromMemorySegment(FLOATS, ALL, scaleAt + 2 * PANEL_BYTES, ORDER);
        LongVector a = LongVector.fromMemorySegment(LONGS, ALL, dots + dotAt, ORDER);
        LongVector b = LongVector.fromMemorySegment(LONGS, ALL, dots + dotAt + BYTES, ORDER);
        IntVector p =
            a.reinterpretAsInts().and(LOWEST).or(EXPONENTS).or(b.reinterpretAsInts().and(HIGHEST));
        IntVector q =
            b.reinterpretAsInts().and(LOWEST).or(EXPONENTS).or(a.reinterpretAsInts().and(HIGHEST));
        IntVector r =
            a.lanewise(LSHR, SHIFT)
                .reinterpretAsInts()
                .and(LOWEST)
                .or(EXPONENT)
                .or(b.lanewise(LSHL, Integer.SIZE - SHIFT).reinterpretAsInts().and(SHIFTED));
        FloatVector factor = FloatVector.broadcast(FLOATS, factors[factorAt]);
        s0 = p.reinterpretAsFloats().sub(TAKE_OFF).fma(scale0.mul(factor), s0);
        s1 = q.reinterpretAsFloats().sub(TAKE_OFF).fma(scale1.mul(factor), s1);
        s2 = r.reinterpretAsFloats().sub(0x1p23f + BIAS).fma(scale2.mul(factor), s2);
        a = LongVector.fromMemorySegment(LONGS, ALL, dots + dotAt + COLUMN_BYTES, ORDER);
        b = LongVector.fromMemorySegment(LONGS, ALL, dots + dotAt + COLUMN_BYTES + BYTES, ORDER);
        p = a.reinterpretAsInts().and(LOWEST).or(EXPONENTS).or(b.reinterpretAsInts().and(HIGHEST));
        q = b.reinterpretAsInts().and(LOWEST).or(EXPONENTS).or(a.reinterpretAsInts().and(HIGHEST));
        r =
            a.lanewise(LSHR, SHIFT)
                .reinterpretAsInts()
                .and(LOWEST)
                .or(EXPONENT)
                .or(b.lanewise(LSHL, Integer.SIZE - SHIFT).reinterpretAsInts().and(SHIFTED));
        factor = FloatVector.broadcast(FLOATS, factors[factorAt + 1]);
        t0 = p.reinterpretAsFloats().sub(TAKE_OFF).fma(scale0.mul(factor), t0);
        t1 = q.reinterpretAsFloats().sub(TAKE_OFF).fma(scale1.mul(factor), t1);
        t2 = r.reinterpretAsFloats().sub(0x1p23f + BIAS).fma(scale2.mul(factor), t2);
      }
      s0.intoMemorySegment(ALL, sums + sum, ORDER);
      s1.intoMemorySegment(ALL, sums + sum + PANEL_BYTES, ORDER);
      s2.intoMemorySegment(ALL, sums + sum + 2 * PANEL_BYTES, ORDER);
      t0.intoMemorySegment(ALL, sums + sum + ROWS_BYTES, ORDER);
      t1.intoMemorySegment(ALL, sums + sum + ROWS_BYTES + PANEL_BYTES, ORDER);
      t2.intoMemorySegment(ALL, sums + sum + ROWS_BYTES + 2 * PANEL_BYTES, ORDER);
    }
  }

  /** The same where there are minima. */
  static void addScaledWithMinima(
      int slot, int vectors, int from, int groups, float[] factors, int factorsAt, int firstToken) {
    int end = Math.min(groups, MOST_GROUPS);
    long base = (slot & (SLOTS - 1)) * SLOT_BYTES;
    long sums = base + SUMS_AT + (firstToken & (WidenedTokens.MOST - 1)) * ROWS_BYTES;
    long dots = base + DOTS_AT;
    long scales = base + SCALES_AT;
    for (int i = 0; i < vectors; i++) {
      // Two vectors of dot products and two tokens at a time.
      int token = 2 * (i & 1);
      int vector = i / 2 & (MOST_VECTORS / 2 - 1);
      long row = vector / (VECTORS / 2) * (PANELS * PANEL_BYTES) + vector % (VECTORS / 2) * BYTES;
      long sum = token * ROWS_BYTES + row;
      FloatVector s0 = FloatVector.fromMemorySegment(FLOATS, ALL, sums + sum, ORDER);
      FloatVector s1 = FloatVector.fromMemorySegment(FLOATS, ALL, sums + sum + PANEL_BYTES, ORDER);
      FloatVector s2 =
          FloatVector.fromMemorySegment(FLOATS, ALL, sums + sum + 2 * PANEL_BYTES, ORDER);
      FloatVector t0 = FloatVector.fromMemorySegment(FLOATS, ALL, sums + sum + ROWS_BYTES, ORDER);
      FloatVector t1 =
          FloatVector.fromMemorySegment(FLOATS, ALL, sums + sum + ROWS_BYTES + PANEL_BYTES, ORDER);
      FloatVector t2 =
          FloatVector.fromMemorySegment(
              FLOATS, ALL, sums + sum + ROWS_BYTES + 2 * PANEL_BYTES, ORDER);
      for (int g = 0; g < end; g++) {
        int group = g & (MOST_GROUPS - 1);
        long scaleAt = scales + (from + group & (CHUNK_GROUPS - 1)) * ROWS_BYTES + row;
        long dotAt = group * DOTS_BYTES + token * COLUMN_BYTES + vector * (2 * BYTES);
        int factorAt = factorsAt + group * WidenedTokens.FACTORS + token;
        FloatVector scale0 = FloatVector.fromMemorySegment(FLOATS, ALL, scaleAt, ORDER);
        FloatVector scale1 =
            FloatVector.fromMemorySegment(FLOATS, ALL, scaleAt + PANEL_BYTES, ORDER);
        FloatVector scale2 =
            FloatVector.fromMemorySegment(FLOATS, ALL, scaleAt + 2 * PANEL_BYTES, ORDER);
        long minimumAt = scaleAt + TO_MINIMA;
        FloatVector minimum0 = FloatVector.fromMemorySegment(FLOATS, ALL, minimumAt, ORDER);
        FloatVector minimum1 =
            FloatVector.fromMemorySegment(FLOATS, ALL, minimumAt + PANEL_BYTES, ORDER);
        FloatVector minimum2 =
            FloatVector.fromMemorySegment(FLOATS, ALL, minimumAt + 2 * PANEL_BYTES, ORDER);
        LongVector a = LongVector.fromMemorySegment(LONGS, ALL, dots + dotAt, ORDER);
        LongVector b = LongVector.fromMemorySegment(LONGS, ALL, dots + dotAt + BYTES, ORDER);
        IntVector p =
            a.reinterpretAsInts().and(LOWEST).or(EXPONENTS).or(b.reinterpretAsInts().and(HIGHEST));
        IntVector q =
            b.reinterpretAsInts().and(LOWEST).or(EXPONENTS).or(a.reinterpretAsInts().and(HIGHEST));
        IntVector r =
            a.lanewise(LSHR, SHIFT)
                .reinterpretAsInts()
                .and(LOWEST)
                .or(EXPONENT)
                .or(b.lanewise(LSHL, Integer.SIZE - SHIFT).reinterpretAsInts().and(SHIFTED));
        FloatVector factor = FloatVector.broadcast(FLOATS, factors[factorAt]);
        FloatVector offset = FloatVector.broadcast(FLOATS, factors[factorAt + 2 * TOKENS]);
        s0 = p.reinterpretAsFloats().sub(TAKE_OFF.add(offset)).fma(scale0.mul(factor), s0);
        s1 = q.reinterpretAsFloats().sub(TAKE_OFF.add(offset)).fma(scale1.mul(factor), s1);
        s2 = r.reinterpretAsFloats().sub(offset.add(0x1p23f + BIAS)).fma(scale2.mul(factor), s2);
        FloatVector taken = FloatVector.broadcast(FLOATS, factors[factorAt + TOKENS]);
        s0 = minimum0.fma(taken, s0);
        s1 = minimum1.fma(taken, s1);
        s2 = minimum2.fma(taken, s2);
        a = LongVector.fromMemorySegment(LONGS, ALL, dots + dotAt + COLUMN_BYTES, ORDER);
        b = LongVector.fromMemorySegment(LONGS, ALL, dots + dotAt + COLUMN_BYTES + BYTES, ORDER);
        p = a.reinterpretAsInts().and(LOWEST).or(EXPONENTS).or(b.reinterpretAsInts().and(HIGHEST));
        q = b.reinterpretAsInts().and(LOWEST).or(EXPONENTS).or(a.reinterpretAsInts().and(HIGHEST));
        r =
            a.lanewise(LSHR, SHIFT)
                .reinterpretAsInts()
                .and(LOWEST)
                .or(EXPONENT)
                .or(b.lanewise(LSHL, Integer.SIZE - SHIFT).reinterpretAsInts().and(SHIFTED));
        factor = FloatVector.broadcast(FLOATS, factors[factorAt + 1]);
        offset = FloatVector.broadcast(FLOATS, factors[factorAt + 2 * TOKENS + 1]);
        t0 = p.reinterpretAsFloats().sub(TAKE_OFF.add(offset)).fma(scale0.mul(factor), t0);
        t1 = q.reinterpretAsFloats().sub(TAKE_OFF.add(offset)).fma(scale1.mul(factor), t1);
        t2 = r.reinterpretAsFloats().sub(offset.add(0x1p23f + BIAS)).fma(scale2.mul(factor), t2);
        taken = FloatVector.broadcast(FLOATS, factors[factorAt + TOKENS + 1]);
        t0 = minimum0.fma(taken, t0);
        t1 = minimum1.fma(taken, t1);
        t2 = minimum2.fma(taken, t2);
      }
      s0.intoMemorySegment(ALL, sums + sum, ORDER);
      s1.intoMemorySegment(ALL, sums + sum + PANEL_BYTES, ORDER);
      s2.intoMemorySegment(ALL, sums + sum + 2 * PANEL_BYTES, ORDER);
      t0.intoMemorySegment(ALL, sums + sum + ROWS_BYTES, ORDER);
      t1.intoMemorySegment(ALL, sums + sum + ROWS_BYTES + PANEL_BYTES, ORDER);
      t2.intoMemorySegment(ALL, sums + sum + ROWS_BYTES + 2 * PANEL_BYTES, ORDER);
    }
  }
}
