package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.BYTES;
import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.ORDER;
import static dev.consilium.tensor.TileMemory.ALL;
import static dev.consilium.tensor.TileMemory.CHUNK_GROUPS;
import static dev.consilium.tensor.TileMemory.COLUMN_BYTES;
import static dev.consilium.tensor.TileMemory.DOTS_AT;
import static dev.consilium.tensor.TileMemory.DOTS_BYTES;
import static dev.consilium.tensor.TileMemory.LAST_VECTOR;
import static dev.consilium.tensor.TileMemory.MOST_GROUPS;
import static dev.consilium.tensor.TileMemory.PASS;
import static dev.consilium.tensor.TileMemory.ROWS_BYTES;
import static dev.consilium.tensor.TileMemory.SCALES_AT;
import static dev.consilium.tensor.TileMemory.SLOTS;
import static dev.consilium.tensor.TileMemory.SLOT_BYTES;
import static dev.consilium.tensor.TileMemory.SUMS_AT;
import static dev.consilium.tensor.TileMemory.TOKENS;
import static dev.consilium.tensor.TileMemory.WEIGHTS_AT;

import jdk.incubator.vector.FloatVector;

/**
 * The innermost loops on quants widened to f32, for four tokens and some vectors of rows: Q8_0,
 * whose sums are too large for {@link TripleTiles}. For each block of columns in turn they take the
 * dot product, which is exact, and then
 *
 * <pre>
 * sums[t][row] = fma(dot, scales[block][row] * factors[block][t], sums[t][row])
 * </pre>
 *
 * <p>Weights are 64 floats for each column; activations are blocks of 32 floats of each token.
 *
 * <p>Whatever makes an offset is masked, though it is never larger: so the compiler knows that
 * offsets are inside {@link TileMemory#ALL} when it reads the code. Else it hoists checks out of
 * the loops, which for loops so short takes as long as they do. A factor is used for two vectors,
 * for one it would be loaded and spread by two instructions. Written out by hand for the reasons
 * that {@link F32Panels} gives.
 */
final class ScaledTiles {
  static final int ROWS = 64;

  /** Floats from a token's columns to the next token's, and of a block of all tokens. */
  static final int TOKEN = QuantLayout.BLOCK;

  static final int X_BLOCK = TOKENS * TOKEN;

  private ScaledTiles() {}

  /** The dot products of four vectors of rows: for machines with 32 vector registers. */
  static void dots4(int slot, int vector, int blocks, float[] x, int xAt) {
    long base = (slot & (SLOTS - 1)) * SLOT_BYTES;
    long row = (vector & LAST_VECTOR) * BYTES;
    for (int block = 0; block < blocks; block++) {
      int tokens = xAt + block * X_BLOCK;
      long columns =
          base + WEIGHTS_AT + (block & (PASS - 1)) * (QuantLayout.BLOCK * COLUMN_BYTES) + row;
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
      for (int k = 0; k < QuantLayout.BLOCK; k++) {
        long wK = (k & (QuantLayout.BLOCK - 1)) * COLUMN_BYTES;
        int xK = tokens + k;
        FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, ALL, columns + wK, ORDER);
        FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, ALL, columns + wK + BYTES, ORDER);
        FloatVector w2 =
            FloatVector.fromMemorySegment(FLOATS, ALL, columns + wK + 2 * BYTES, ORDER);
        FloatVector w3 =
            FloatVector.fromMemorySegment(FLOATS, ALL, columns + wK + 3 * BYTES, ORDER);
        FloatVector b0 = FloatVector.broadcast(FLOATS, x[xK]);
        d00 = w0.fma(b0, d00);
        d01 = w1.fma(b0, d01);
        d02 = w2.fma(b0, d02);
        d03 = w3.fma(b0, d03);
        FloatVector b1 = FloatVector.broadcast(FLOATS, x[xK + TOKEN]);
        d10 = w0.fma(b1, d10);
        d11 = w1.fma(b1, d11);
        d12 = w2.fma(b1, d12);
        d13 = w3.fma(b1, d13);
        FloatVector b2 = FloatVector.broadcast(FLOATS, x[xK + 2 * TOKEN]);
        d20 = w0.fma(b2, d20);
        d21 = w1.fma(b2, d21);
        d22 = w2.fma(b2, d22);
        d23 = w3.fma(b2, d23);
        FloatVector b3 = FloatVector.broadcast(FLOATS, x[xK + 3 * TOKEN]);
        d30 = w0.fma(b3, d30);
        d31 = w1.fma(b3, d31);
        d32 = w2.fma(b3, d32);
        d33 = w3.fma(b3, d33);
      }
      long dots = base + DOTS_AT + (block & (MOST_GROUPS - 1)) * DOTS_BYTES + row;
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

  /** The dot products of two vectors of rows: for machines with 16 vector registers. */
  static void dots4Narrow(int slot, int vector, int blocks, float[] x, int xAt) {
    long base = (slot & (SLOTS - 1)) * SLOT_BYTES;
    long row = (vector & LAST_VECTOR) * BYTES;
    for (int block = 0; block < blocks; block++) {
      int tokens = xAt + block * X_BLOCK;
      long columns =
          base + WEIGHTS_AT + (block & (PASS - 1)) * (QuantLayout.BLOCK * COLUMN_BYTES) + row;
      FloatVector d00 = FloatVector.zero(FLOATS);
      FloatVector d01 = d00;
      FloatVector d10 = d00;
      FloatVector d11 = d00;
      FloatVector d20 = d00;
      FloatVector d21 = d00;
      FloatVector d30 = d00;
      FloatVector d31 = d00;
      for (int k = 0; k < QuantLayout.BLOCK; k++) {
        long wK = (k & (QuantLayout.BLOCK - 1)) * COLUMN_BYTES;
        int xK = tokens + k;
        FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, ALL, columns + wK, ORDER);
        FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, ALL, columns + wK + BYTES, ORDER);
        FloatVector b0 = FloatVector.broadcast(FLOATS, x[xK]);
        d00 = w0.fma(b0, d00);
        d01 = w1.fma(b0, d01);
        FloatVector b1 = FloatVector.broadcast(FLOATS, x[xK + TOKEN]);
        d10 = w0.fma(b1, d10);
        d11 = w1.fma(b1, d11);
        FloatVector b2 = FloatVector.broadcast(FLOATS, x[xK + 2 * TOKEN]);
        d20 = w0.fma(b2, d20);
        d21 = w1.fma(b2, d21);
        FloatVector b3 = FloatVector.broadcast(FLOATS, x[xK + 3 * TOKEN]);
        d30 = w0.fma(b3, d30);
        d31 = w1.fma(b3, d31);
      }
      long dots = base + DOTS_AT + (block & (MOST_GROUPS - 1)) * DOTS_BYTES + row;
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

  /** Scales the dot products of some blocks and adds them to the sums. */
  static void addScaled(
      int slot, int from, int blocks, float[] factors, int factorsAt, int firstToken) {
    int end = Math.min(blocks, MOST_GROUPS);
    long base = (slot & (SLOTS - 1)) * SLOT_BYTES;
    long sums = base + SUMS_AT + (firstToken & (WidenedTokens.MOST - 1)) * ROWS_BYTES;
    long dots = base + DOTS_AT;
    long scales = base + SCALES_AT;
    for (int i = 0; i < ROWS; i += 2 * COUNT) {
      long row = (i & (ROWS - 1)) * 4L;
      FloatVector s00 = FloatVector.fromMemorySegment(FLOATS, ALL, sums + row, ORDER);
      FloatVector s01 = FloatVector.fromMemorySegment(FLOATS, ALL, sums + row + BYTES, ORDER);
      FloatVector s10 = FloatVector.fromMemorySegment(FLOATS, ALL, sums + row + ROWS_BYTES, ORDER);
      FloatVector s11 =
          FloatVector.fromMemorySegment(FLOATS, ALL, sums + row + ROWS_BYTES + BYTES, ORDER);
      FloatVector s20 =
          FloatVector.fromMemorySegment(FLOATS, ALL, sums + row + 2 * ROWS_BYTES, ORDER);
      FloatVector s21 =
          FloatVector.fromMemorySegment(FLOATS, ALL, sums + row + 2 * ROWS_BYTES + BYTES, ORDER);
      FloatVector s30 =
          FloatVector.fromMemorySegment(FLOATS, ALL, sums + row + 3 * ROWS_BYTES, ORDER);
      FloatVector s31 =
          FloatVector.fromMemorySegment(FLOATS, ALL, sums + row + 3 * ROWS_BYTES + BYTES, ORDER);
      for (int b = 0; b < end; b++) {
        int block = b & (MOST_GROUPS - 1);
        long scaleAt = scales + (from + block & (CHUNK_GROUPS - 1)) * ROWS_BYTES + row;
        long dotAt = block * DOTS_BYTES + row;
        int factorAt = factorsAt + block * WidenedTokens.FACTORS;
        FloatVector scale0 = FloatVector.fromMemorySegment(FLOATS, ALL, scaleAt, ORDER);
        FloatVector scale1 = FloatVector.fromMemorySegment(FLOATS, ALL, scaleAt + BYTES, ORDER);
        FloatVector f0 = FloatVector.broadcast(FLOATS, factors[factorAt]);
        s00 =
            FloatVector.fromMemorySegment(FLOATS, ALL, dots + dotAt, ORDER)
                .fma(scale0.mul(f0), s00);
        s01 =
            FloatVector.fromMemorySegment(FLOATS, ALL, dots + dotAt + BYTES, ORDER)
                .fma(scale1.mul(f0), s01);
        FloatVector f1 = FloatVector.broadcast(FLOATS, factors[factorAt + 1]);
        s10 =
            FloatVector.fromMemorySegment(FLOATS, ALL, dots + dotAt + COLUMN_BYTES, ORDER)
                .fma(scale0.mul(f1), s10);
        s11 =
            FloatVector.fromMemorySegment(FLOATS, ALL, dots + dotAt + COLUMN_BYTES + BYTES, ORDER)
                .fma(scale1.mul(f1), s11);
        FloatVector f2 = FloatVector.broadcast(FLOATS, factors[factorAt + 2]);
        s20 =
            FloatVector.fromMemorySegment(FLOATS, ALL, dots + dotAt + 2 * COLUMN_BYTES, ORDER)
                .fma(scale0.mul(f2), s20);
        s21 =
            FloatVector.fromMemorySegment(
                    FLOATS, ALL, dots + dotAt + 2 * COLUMN_BYTES + BYTES, ORDER)
                .fma(scale1.mul(f2), s21);
        FloatVector f3 = FloatVector.broadcast(FLOATS, factors[factorAt + 3]);
        s30 =
            FloatVector.fromMemorySegment(FLOATS, ALL, dots + dotAt + 3 * COLUMN_BYTES, ORDER)
                .fma(scale0.mul(f3), s30);
        s31 =
            FloatVector.fromMemorySegment(
                    FLOATS, ALL, dots + dotAt + 3 * COLUMN_BYTES + BYTES, ORDER)
                .fma(scale1.mul(f3), s31);
      }
      s00.intoMemorySegment(ALL, sums + row, ORDER);
      s01.intoMemorySegment(ALL, sums + row + BYTES, ORDER);
      s10.intoMemorySegment(ALL, sums + row + ROWS_BYTES, ORDER);
      s11.intoMemorySegment(ALL, sums + row + ROWS_BYTES + BYTES, ORDER);
      s20.intoMemorySegment(ALL, sums + row + 2 * ROWS_BYTES, ORDER);
      s21.intoMemorySegment(ALL, sums + row + 2 * ROWS_BYTES + BYTES, ORDER);
      s30.intoMemorySegment(ALL, sums + row + 3 * ROWS_BYTES, ORDER);
      s31.intoMemorySegment(ALL, sums + row + 3 * ROWS_BYTES + BYTES, ORDER);
    }
  }
}
