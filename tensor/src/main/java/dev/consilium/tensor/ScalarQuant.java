package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;

/** Quantised activations and products in plain Java: what the other kernels must equal. */
final class ScalarQuant {
  private ScalarQuant() {}

  static void quantise(MemorySegment x, long xOffset, int n, MemorySegment into, long at) {
    for (int i = 0; i < n; i += QuantLayout.BLOCK) {
      quantiseBlock(
          x, xOffset + i * 4L, into, at + (long) i / QuantLayout.BLOCK * QuantBlock.BYTES);
    }
  }

  static void quantiseBlock(MemorySegment x, long xAt, MemorySegment into, long at) {
    int largest = 0; // magnitudes order as their bits do, and those of NaN are the largest
    for (int i = 0; i < QuantLayout.BLOCK; i++) {
      largest = Math.max(largest, x.get(JAVA_INT, xAt + i * 4L) & 0x7fff_ffff);
    }
    float inverse = inverse(Float.intBitsToFloat(largest));
    int[] sums = new int[2];
    for (int i = 0; i < QuantLayout.BLOCK; i++) {
      int q = inverse == 0f ? 0 : (int) Math.rint(x.get(JAVA_FLOAT, xAt + i * 4L) * inverse);
      into.set(JAVA_BYTE, at + i, (byte) q);
      sums[i / 16] += q;
    }
    finishBlock(Float.intBitsToFloat(largest), sums[0], sums[1], into, at);
  }

  /** What values are multiplied with before they are rounded; 0 for a block of zeros. */
  static float inverse(float largest) {
    return largest >= QuantBlock.LEAST && largest < Float.POSITIVE_INFINITY ? 127f / largest : 0f;
  }

  /**
   * Writes scale and sums. Of a block with infinities or NaN the scale, and so the product, is NaN.
   */
  static void finishBlock(float largest, int sum0, int sum1, MemorySegment into, long at) {
    float scale = largest < QuantBlock.LEAST ? 0f : largest / 127f;
    if (!Float.isFinite(scale)) {
      scale = Float.NaN;
    }
    int sum = sum0 + sum1;
    into.set(JAVA_FLOAT, at + QuantBlock.SCALE_AT, scale);
    into.set(JAVA_FLOAT, at + QuantBlock.MINIMUM_AT, -(scale * sum));
    into.set(JAVA_INT, at + QuantBlock.OFFSETS_AT, -8 * sum);
    into.set(JAVA_INT, at + QuantBlock.OFFSETS_AT + 4, -12 * sum);
    into.set(JAVA_INT, at + QuantBlock.OFFSETS_AT + 8, -16 * sum);
    into.set(JAVA_INT, at + QuantBlock.OFFSETS_AT + 12, -128 * sum);
    into.set(JAVA_INT, at + QuantBlock.OFFSETS_AT + 16, -32 * sum0);
    into.set(JAVA_INT, at + QuantBlock.OFFSETS_AT + 20, -32 * sum1);
  }

  static void multiply(
      MatmulJob job,
      QuantisedTokens tokens,
      int firstPanel,
      int endPanel,
      int firstToken,
      int endToken) {
    PackedMatrix weights = job.weights();
    int columns = weights.columns();
    // Elements are read from arrays: memory is slow to look at before a JVM has compiled anything.
    byte[][] activations = new byte[endToken - firstToken][];
    for (int token = firstToken; token < endToken; token++) {
      activations[token - firstToken] =
          tokens
              .blocks()
              .asSlice(tokens.offset(token), QuantisedTokens.rowBytes(columns))
              .toArray(JAVA_BYTE);
    }
    int[] integers = new int[columns];
    for (int panel = firstPanel; panel < endPanel; panel++) {
      MemorySegment memory = weights.panel(panel);
      for (int row = 0; row < weights.rowsOfPanel(panel); row++) {
        weights.quantLayout().unpackIntegers(memory, row, integers);
        for (int token = firstToken; token < endToken; token++) {
          float y =
              dot(
                  weights.quantLayout(),
                  memory,
                  row,
                  integers,
                  activations[token - firstToken],
                  tokens.blocks(),
                  tokens.offset(token));
          long at = job.yOffset(token) + (panel * (long) QuantLayout.ROWS + row) * Float.BYTES;
          job.y().segment().set(JAVA_FLOAT, at, y);
        }
      }
    }
  }

  /**
   * @param integers of the row
   * @param q the blocks of the token as bytes
   * @param x the same blocks, from xAt on
   */
  private static float dot(
      QuantLayout layout,
      MemorySegment panel,
      int row,
      int[] integers,
      byte[] q,
      MemorySegment x,
      long xAt) {
    int step = layout.groupColumns();
    float acc = 0f;
    for (int k = 0; k < integers.length; k += step) {
      int blockAt = k / QuantLayout.BLOCK * QuantBlock.BYTES;
      int qAt = blockAt + k % QuantLayout.BLOCK;
      int sum = 0;
      for (int i = 0; i < step; i++) {
        sum += integers[k + i] * q[qAt + i];
      }
      float factor =
          layout.scale(panel, row, k / step)
              * x.get(JAVA_FLOAT, xAt + blockAt + QuantBlock.SCALE_AT);
      acc = Math.fma((float) sum, factor, acc);
      if (layout.hasMinimum()) {
        float taken = x.get(JAVA_FLOAT, xAt + blockAt + QuantBlock.MINIMUM_AT);
        acc = Math.fma(layout.minimum(panel, row, k / step), taken, acc);
      }
    }
    return acc;
  }
}
