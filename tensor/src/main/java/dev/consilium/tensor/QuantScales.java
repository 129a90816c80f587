package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/**
 * Scales and minima of some blocks of a panel as f32, {@code [group][row]}, in loops that the
 * compiler turns into vectors by itself. Each thread has its own.
 */
final class QuantScales {
  private static final int ROWS = QuantLayout.ROWS;

  private final float[] scales;
  private final float[] minima;
  private final short[] halves;
  private final int[] packed;
  private final byte[] exponents;

  QuantScales(int blocks) {
    scales = new float[2 * blocks * ROWS];
    minima = new float[blocks * ROWS];
    halves = new short[blocks * ROWS];
    packed = new int[4 * ROWS];
    exponents = new byte[blocks * ROWS];
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
   */
  void widen(QuantLayout layout, MemorySegment w, long panelAt, int from, int count) {
    switch (layout) {
      case PlainLayout plain -> {
        long at = panelAt + plain.scalesAt(from);
        readHalves(w, at, count * ROWS);
        toFloats(halves, count * ROWS, scales);
      }
      case Mxfp4Layout mxfp4 -> {
        MemorySegment.copy(
            w, JAVA_BYTE, panelAt + mxfp4.scalesAt(from), exponents, 0, count * ROWS);
        powers(exponents, count * ROWS, scales);
      }
      case KLayout k -> {
        for (int b = 0; b < count; b += 8) {
          widenK(w, panelAt + k.scalesAt((from + b) / 8), b);
        }
      }
      case Q6KLayout q6 -> {
        for (int b = 0; b < count; b += 8) {
          widenQ6K(w, panelAt + q6.scalesAt((from + b) / 8), 2 * b);
        }
      }
    }
  }

  private void readHalves(MemorySegment w, long at, int count) {
    MemorySegment.copy(w, QuantLayout.STORED_SHORT, at, halves, 0, count);
  }

  private static void toFloats(short[] halves, int count, float[] into) {
    for (int i = 0; i < count; i++) {
      into[i] = Float.float16ToFloat(halves[i]);
    }
  }

  private static void powers(byte[] exponents, int count, float[] into) {
    for (int i = 0; i < count; i++) {
      into[i] = 0.5f * Float.intBitsToFloat(Math.max((exponents[i] & 0xff) << 23, 0x0040_0000));
    }
  }

  /** Eight sub-blocks; the bits are those that {@link KLayout} describes. */
  private void widenK(MemorySegment w, long at, int group) {
    readHalves(w, at, 2 * ROWS);
    MemorySegment.copy(w, QuantLayout.STORED_INT, at + KLayout.INTS_AT, packed, 0, 3 * ROWS);
    for (int sub = 0; sub < 8; sub++) {
      int shift = sub % 4 * 8;
      int base = (group + sub) * ROWS;
      if (sub < 4) {
        widenLower(halves, packed, shift, scales, minima, base);
      } else {
        widenUpper(halves, packed, shift, scales, minima, base);
      }
    }
  }

  private static void widenLower(
      short[] halves, int[] packed, int shift, float[] scales, float[] minima, int base) {
    for (int row = 0; row < ROWS; row++) {
      float d = Float.float16ToFloat(halves[row]);
      scales[base + row] = d * (packed[row] >>> shift & 63);
      float m = Float.float16ToFloat(halves[ROWS + row]);
      minima[base + row] = m * (packed[ROWS + row] >>> shift & 63);
    }
  }

  private static void widenUpper(
      short[] halves, int[] packed, int shift, float[] scales, float[] minima, int base) {
    for (int row = 0; row < ROWS; row++) {
      int lower = packed[2 * ROWS + row] >>> shift;
      float d = Float.float16ToFloat(halves[row]);
      scales[base + row] = d * ((lower & 15) | (packed[row] >>> (shift + 2) & 48));
      float m = Float.float16ToFloat(halves[ROWS + row]);
      minima[base + row] = m * ((lower >>> 4 & 15) | (packed[ROWS + row] >>> (shift + 2) & 48));
    }
  }

  /** Sixteen sub-blocks. */
  private void widenQ6K(MemorySegment w, long at, int group) {
    readHalves(w, at, ROWS);
    MemorySegment.copy(w, QuantLayout.STORED_INT, at + Q6KLayout.INTS_AT, packed, 0, 4 * ROWS);
    for (int sub = 0; sub < 16; sub++) {
      int shift = 24 - sub % 4 * 8;
      int from = sub / 4 * ROWS;
      int base = (group + sub) * ROWS;
      for (int row = 0; row < ROWS; row++) {
        float d = Float.float16ToFloat(halves[row]);
        scales[base + row] = d * (packed[from + row] << shift >> 24);
      }
    }
  }
}
