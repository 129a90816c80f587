package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.BYTES;
import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The innermost loops on widened quants, for four tokens and some vectors of rows. For each group
 * of columns in turn they take the dot product, which is exact, and then
 *
 * <pre>
 * sums[t][row] = fma(dot, scales[group][row] * factors[block][t], sums[t][row])
 * sums[t][row] = fma(minima[group][row], taken[block][t], sums[t][row])   where there are minima
 * </pre>
 *
 * <p>Weights are groups of 64 rows: for each column 64 floats, then 64 scales, then 64 minima.
 * Activations are blocks of 32 columns: 32 floats of each token, four factors, then four of what
 * minima are multiplied with. Sums are 64 floats for each token.
 *
 * <p>Everything is read through slices of constant sizes, larger than any offset: so the compiler
 * proves the checks away, which to hoist out of so short a loop takes half as long as the loop.
 * Where a loop has few instructions, the slices are made before it: now and then the compiler makes
 * them with a call. Written out by hand for the reasons that {@link F32Panels} gives.
 */
final class ScaledTiles {
  static final int ROWS = 64;

  static final int TOKENS = 4;

  /** Of one column of weights, and of the sums of a token. */
  static final long COLUMN_BYTES = ROWS * 4L;

  /** The columns of a token in a block of activations. */
  static final int TOKEN_FLOATS = QuantLayout.BLOCK;

  /** Where in a block of activations its factors are. */
  static final int FACTORS_AT = TOKENS * TOKEN_FLOATS;

  /** And what minima are multiplied with. */
  static final int TAKEN_AT = FACTORS_AT + TOKENS;

  /** A block of activations. */
  static final int X_FLOATS = TAKEN_AT + TOKENS;

  /** What may be read of the weights from the start of a group and any row on. */
  static final long SLICE_BYTES = (QuantLayout.BLOCK + 3) * COLUMN_BYTES;

  static final long TILE_BYTES = (TOKENS + 1) * COLUMN_BYTES;

  /** The dot products of a group. */
  static final long DOTS_BYTES = TOKENS * COLUMN_BYTES;

  /** Groups of a call at most. */
  static final int MOST_GROUPS = 8;

  /** What may be read from the start of the first group and of its dot products on. */
  static final long SCALES_SLICE_BYTES = MOST_GROUPS * groupBytes(QuantLayout.BLOCK) + COLUMN_BYTES;

  static final long DOTS_SLICE_BYTES = MOST_GROUPS * DOTS_BYTES + COLUMN_BYTES;

  private ScaledTiles() {}

  /** Bytes of a group of so many columns. */
  static long groupBytes(int columns) {
    return (columns + 2) * COLUMN_BYTES;
  }

  /** The dot products of four vectors of rows: for machines with 32 vector registers. */
  static void dots4(
      MemorySegment memory, long wAt, int groups, int step, float[] x, int xAt, long dotsAt) {
    int end = Math.min(step, QuantLayout.BLOCK);
    for (int group = 0; group < groups; group++) {
      int column = group * step;
      int tokens = xAt + column / QuantLayout.BLOCK * X_FLOATS + column % QuantLayout.BLOCK;
      MemorySegment columns = memory.asSlice(wAt + group * groupBytes(step), SLICE_BYTES);
      FloatVector d00 = FloatVector.zero(FLOATS);
      FloatVector d01 = d00;
      FloatVector d02 = d00;
      FloatVector d03 = d00;
      FloatVector d10 = d00;
      FloatVector d11 = d00;
      FloatVector d12 = d00;
      FloatVector d13 = d00;
      FloatVector d20 = d00;
      FloatVector d21 = d00;
      FloatVector d22 = d00;
      FloatVector d23 = d00;
      FloatVector d30 = d00;
      FloatVector d31 = d00;
      FloatVector d32 = d00;
      FloatVector d33 = d00;
      for (int k = 0; k < end; k++) {
        long wK = k * COLUMN_BYTES;
        int xK = tokens + k;
        FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, columns, wK, ORDER);
        FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, columns, wK + BYTES, ORDER);
        FloatVector w2 = FloatVector.fromMemorySegment(FLOATS, columns, wK + 2 * BYTES, ORDER);
        FloatVector w3 = FloatVector.fromMemorySegment(FLOATS, columns, wK + 3 * BYTES, ORDER);
        FloatVector b0 = FloatVector.broadcast(FLOATS, x[xK]);
        d00 = w0.fma(b0, d00);
        d01 = w1.fma(b0, d01);
        d02 = w2.fma(b0, d02);
        d03 = w3.fma(b0, d03);
        FloatVector b1 = FloatVector.broadcast(FLOATS, x[xK + TOKEN_FLOATS]);
        d10 = w0.fma(b1, d10);
        d11 = w1.fma(b1, d11);
        d12 = w2.fma(b1, d12);
        d13 = w3.fma(b1, d13);
        FloatVector b2 = FloatVector.broadcast(FLOATS, x[xK + 2 * TOKEN_FLOATS]);
        d20 = w0.fma(b2, d20);
        d21 = w1.fma(b2, d21);
        d22 = w2.fma(b2, d22);
        d23 = w3.fma(b2, d23);
        FloatVector b3 = FloatVector.broadcast(FLOATS, x[xK + 3 * TOKEN_FLOATS]);
        d30 = w0.fma(b3, d30);
        d31 = w1.fma(b3, d31);
        d32 = w2.fma(b3, d32);
        d33 = w3.fma(b3, d33);
      }
      MemorySegment dots = memory.asSlice(dotsAt + group * DOTS_BYTES, TILE_BYTES);
      d00.intoMemorySegment(dots, 0, ORDER);
      d01.intoMemorySegment(dots, BYTES, ORDER);
      d02.intoMemorySegment(dots, 2 * BYTES, ORDER);
      d03.intoMemorySegment(dots, 3 * BYTES, ORDER);
      d10.intoMemorySegment(dots, COLUMN_BYTES, ORDER);
      d11.intoMemorySegment(dots, COLUMN_BYTES + BYTES, ORDER);
      d12.intoMemorySegment(dots, COLUMN_BYTES + 2 * BYTES, ORDER);
      d13.intoMemorySegment(dots, COLUMN_BYTES + 3 * BYTES, ORDER);
      d20.intoMemorySegment(dots, 2 * COLUMN_BYTES, ORDER);
      d21.intoMemorySegment(dots, 2 * COLUMN_BYTES + BYTES, ORDER);
      d22.intoMemorySegment(dots, 2 * COLUMN_BYTES + 2 * BYTES, ORDER);
      d23.intoMemorySegment(dots, 2 * COLUMN_BYTES + 3 * BYTES, ORDER);
      d30.intoMemorySegment(dots, 3 * COLUMN_BYTES, ORDER);
      d31.intoMemorySegment(dots, 3 * COLUMN_BYTES + BYTES, ORDER);
      d32.intoMemorySegment(dots, 3 * COLUMN_BYTES + 2 * BYTES, ORDER);
      d33.intoMemorySegment(dots, 3 * COLUMN_BYTES + 3 * BYTES, ORDER);
    }
  }

  /** The dot products of two vectors of rows: for machines with 16 vector registers. */
  static void dots4Narrow(
      MemorySegment memory, long wAt, int groups, int step, float[] x, int xAt, long dotsAt) {
    int end = Math.min(step, QuantLayout.BLOCK);
    for (int group = 0; group < groups; group++) {
      int column = group * step;
      int tokens = xAt + column / QuantLayout.BLOCK * X_FLOATS + column % QuantLayout.BLOCK;
      MemorySegment columns = memory.asSlice(wAt + group * groupBytes(step), SLICE_BYTES);
      FloatVector d00 = FloatVector.zero(FLOATS);
      FloatVector d01 = d00;
      FloatVector d10 = d00;
      FloatVector d11 = d00;
      FloatVector d20 = d00;
      FloatVector d21 = d00;
      FloatVector d30 = d00;
      FloatVector d31 = d00;
      for (int k = 0; k < end; k++) {
        long wK = k * COLUMN_BYTES;
        int xK = tokens + k;
        FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, columns, wK, ORDER);
        FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, columns, wK + BYTES, ORDER);
        FloatVector b0 = FloatVector.broadcast(FLOATS, x[xK]);
        d00 = w0.fma(b0, d00);
        d01 = w1.fma(b0, d01);
        FloatVector b1 = FloatVector.broadcast(FLOATS, x[xK + TOKEN_FLOATS]);
        d10 = w0.fma(b1, d10);
        d11 = w1.fma(b1, d11);
        FloatVector b2 = FloatVector.broadcast(FLOATS, x[xK + 2 * TOKEN_FLOATS]);
        d20 = w0.fma(b2, d20);
        d21 = w1.fma(b2, d21);
        FloatVector b3 = FloatVector.broadcast(FLOATS, x[xK + 3 * TOKEN_FLOATS]);
        d30 = w0.fma(b3, d30);
        d31 = w1.fma(b3, d31);
      }
      MemorySegment dots = memory.asSlice(dotsAt + group * DOTS_BYTES, TILE_BYTES);
      d00.intoMemorySegment(dots, 0, ORDER);
      d01.intoMemorySegment(dots, BYTES, ORDER);
      d10.intoMemorySegment(dots, COLUMN_BYTES, ORDER);
      d11.intoMemorySegment(dots, COLUMN_BYTES + BYTES, ORDER);
      d20.intoMemorySegment(dots, 2 * COLUMN_BYTES, ORDER);
      d21.intoMemorySegment(dots, 2 * COLUMN_BYTES + BYTES, ORDER);
      d30.intoMemorySegment(dots, 3 * COLUMN_BYTES, ORDER);
      d31.intoMemorySegment(dots, 3 * COLUMN_BYTES + BYTES, ORDER);
    }
  }

  /** Scales the dot products of some groups and adds them to the sums. */
  static void addScaled(
      MemorySegment memory,
      long wAt,
      int groups,
      int step,
      float[] x,
      int xAt,
      long dotsAt,
      long at) {
    int end = Math.min(groups, MOST_GROUPS);
    int columns = step == QuantLayout.BLOCK ? QuantLayout.BLOCK : QuantLayout.BLOCK / 2;
    MemorySegment sums = memory.asSlice(at, TILE_BYTES);
    MemorySegment scales = memory.asSlice(wAt, SCALES_SLICE_BYTES);
    MemorySegment dots = memory.asSlice(dotsAt, DOTS_SLICE_BYTES);
    for (int i = 0; i < ROWS; i += COUNT) {
      long row = i * 4L;
      FloatVector s0 = FloatVector.fromMemorySegment(FLOATS, sums, row, ORDER);
      FloatVector s1 = FloatVector.fromMemorySegment(FLOATS, sums, row + COLUMN_BYTES, ORDER);
      FloatVector s2 = FloatVector.fromMemorySegment(FLOATS, sums, row + 2 * COLUMN_BYTES, ORDER);
      FloatVector s3 = FloatVector.fromMemorySegment(FLOATS, sums, row + 3 * COLUMN_BYTES, ORDER);
      for (int group = 0; group < end; group++) {
        long scaleAt = group * groupBytes(columns) + columns * COLUMN_BYTES + row;
        long dotAt = group * DOTS_BYTES + row;
        int factors = xAt + group * columns / QuantLayout.BLOCK * X_FLOATS + FACTORS_AT;
        FloatVector scale = FloatVector.fromMemorySegment(FLOATS, scales, scaleAt, ORDER);
        FloatVector d0 = FloatVector.fromMemorySegment(FLOATS, dots, dotAt, ORDER);
        FloatVector d1 = FloatVector.fromMemorySegment(FLOATS, dots, dotAt + COLUMN_BYTES, ORDER);
        FloatVector d2 =
            FloatVector.fromMemorySegment(FLOATS, dots, dotAt + 2 * COLUMN_BYTES, ORDER);
        FloatVector d3 =
            FloatVector.fromMemorySegment(FLOATS, dots, dotAt + 3 * COLUMN_BYTES, ORDER);
        s0 = d0.fma(scale.mul(x[factors]), s0);
        s1 = d1.fma(scale.mul(x[factors + 1]), s1);
        s2 = d2.fma(scale.mul(x[factors + 2]), s2);
        s3 = d3.fma(scale.mul(x[factors + 3]), s3);
      }
      s0.intoMemorySegment(sums, row, ORDER);
      s1.intoMemorySegment(sums, row + COLUMN_BYTES, ORDER);
      s2.intoMemorySegment(sums, row + 2 * COLUMN_BYTES, ORDER);
      s3.intoMemorySegment(sums, row + 3 * COLUMN_BYTES, ORDER);
    }
  }

  /** The same where there are minima. */
  static void addScaledWithMinima(
      MemorySegment memory,
      long wAt,
      int groups,
      int step,
      float[] x,
      int xAt,
      long dotsAt,
      long at) {
    int end = Math.min(groups, MOST_GROUPS);
    int columns = step == QuantLayout.BLOCK ? QuantLayout.BLOCK : QuantLayout.BLOCK / 2;
    MemorySegment sums = memory.asSlice(at, TILE_BYTES);
    MemorySegment scales = memory.asSlice(wAt, SCALES_SLICE_BYTES);
    MemorySegment dots = memory.asSlice(dotsAt, DOTS_SLICE_BYTES);
    for (int i = 0; i < ROWS; i += COUNT) {
      long row = i * 4L;
      FloatVector s0 = FloatVector.fromMemorySegment(FLOATS, sums, row, ORDER);
      FloatVector s1 = FloatVector.fromMemorySegment(FLOATS, sums, row + COLUMN_BYTES, ORDER);
      FloatVector s2 = FloatVector.fromMemorySegment(FLOATS, sums, row + 2 * COLUMN_BYTES, ORDER);
      FloatVector s3 = FloatVector.fromMemorySegment(FLOATS, sums, row + 3 * COLUMN_BYTES, ORDER);
      for (int group = 0; group < end; group++) {
        long scaleAt = group * groupBytes(columns) + columns * COLUMN_BYTES + row;
        long dotAt = group * DOTS_BYTES + row;
        int factors = xAt + group * columns / QuantLayout.BLOCK * X_FLOATS + FACTORS_AT;
        FloatVector scale = FloatVector.fromMemorySegment(FLOATS, scales, scaleAt, ORDER);
        FloatVector d0 = FloatVector.fromMemorySegment(FLOATS, dots, dotAt, ORDER);
        FloatVector d1 = FloatVector.fromMemorySegment(FLOATS, dots, dotAt + COLUMN_BYTES, ORDER);
        FloatVector d2 =
            FloatVector.fromMemorySegment(FLOATS, dots, dotAt + 2 * COLUMN_BYTES, ORDER);
        FloatVector d3 =
            FloatVector.fromMemorySegment(FLOATS, dots, dotAt + 3 * COLUMN_BYTES, ORDER);
        s0 = d0.fma(scale.mul(x[factors]), s0);
        s1 = d1.fma(scale.mul(x[factors + 1]), s1);
        s2 = d2.fma(scale.mul(x[factors + 2]), s2);
        s3 = d3.fma(scale.mul(x[factors + 3]), s3);
        FloatVector minimum =
            FloatVector.fromMemorySegment(FLOATS, scales, scaleAt + COLUMN_BYTES, ORDER);
        s0 = minimum.fma(FloatVector.broadcast(FLOATS, x[factors + 4]), s0);
        s1 = minimum.fma(FloatVector.broadcast(FLOATS, x[factors + 5]), s1);
        s2 = minimum.fma(FloatVector.broadcast(FLOATS, x[factors + 6]), s2);
        s3 = minimum.fma(FloatVector.broadcast(FLOATS, x[factors + 7]), s3);
      }
      s0.intoMemorySegment(sums, row, ORDER);
      s1.intoMemorySegment(sums, row + COLUMN_BYTES, ORDER);
      s2.intoMemorySegment(sums, row + 2 * COLUMN_BYTES, ORDER);
      s3.intoMemorySegment(sums, row + 3 * COLUMN_BYTES, ORDER);
    }
  }
}
