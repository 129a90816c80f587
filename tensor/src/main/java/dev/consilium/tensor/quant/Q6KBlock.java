package dev.consilium.tensor.quant;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/**
 * Q6_K, 210 bytes: 256 weights in sixteen sub-blocks of 16.
 *
 * <ol>
 *   <li>128 bytes with the lower four bits of q: of weight {@code 128 h + 32 t + i} in byte {@code
 *       64 h + 32 (t mod 2) + i}, the lower half for t = 0 and 1, the upper half for t = 2 and 3.
 *   <li>64 bytes with the upper two bits: of the same weight in byte {@code 32 h + i}, from bit
 *       {@code 2 t} on.
 *   <li>16 signed bytes: the scales s of the sub-blocks.
 *   <li>binary16 d.
 * </ol>
 *
 * Weight {@code d * s * (q - 32)}.
 */
final class Q6KBlock implements BlockFormat {
  private static final int SUB_BLOCKS = 16;
  private static final int SIZE = 16;
  private static final int UPPER_AT = 128;
  private static final int SCALES_AT = 192;
  private static final int D_AT = 208;

  /** Scales tried on either side of the one that spans the values exactly. */
  private static final int TRIES = 9;

  @Override
  public int elements() {
    return 256;
  }

  @Override
  public int bytes() {
    return 210;
  }

  @Override
  public void dequantise(MemorySegment block, long at, float[] into, int from) {
    float d = Blocks.half(block, at + D_AT);
    for (int i = 0; i < 256; i++) {
      float scale = d * block.get(JAVA_BYTE, at + SCALES_AT + i / SIZE);
      into[from + i] = scale * (quant(block, at, i) - 32);
    }
  }

  private static int lowerByte(int element) {
    return element / 128 * 64 + element % 64;
  }

  private static int lowerShift(int element) {
    return element % 128 / 64 * 4;
  }

  private static int upperByte(int element) {
    return UPPER_AT + element / 128 * 32 + element % 32;
  }

  private static int upperShift(int element) {
    return element % 128 / 32 * 2;
  }

  private static int quant(MemorySegment block, long at, int element) {
    int lower = Blocks.unsignedByte(block, at + lowerByte(element)) >> lowerShift(element) & 15;
    int upper = Blocks.unsignedByte(block, at + upperByte(element)) >> upperShift(element) & 3;
    return lower | upper << 4;
  }

  /** Fits each sub-block on its own, rounds the scales to 8 bits, then rounds the weights. */
  @Override
  public void quantise(float[] values, int from, MemorySegment block, long at) {
    float[] scales = new float[SUB_BLOCKS];
    for (int sub = 0; sub < SUB_BLOCKS; sub++) {
      scales[sub] = fit(values, from + sub * SIZE);
    }
    block.asSlice(at, bytes()).fill((byte) 0);
    float d = Blocks.setHalf(block, at + D_AT, Blocks.furthest(scales, 0, SUB_BLOCKS) / -128f);
    float inverseOfD = Blocks.inverse(d);
    for (int sub = 0; sub < SUB_BLOCKS; sub++) {
      int s = Blocks.round(scales[sub] * inverseOfD, -128, 127);
      Blocks.setByte(block, at + SCALES_AT + sub, s);
      float inverse = Blocks.inverse(d * s);
      for (int i = sub * SIZE; i < (sub + 1) * SIZE; i++) {
        setQuant(block, at, i, Blocks.round(values[from + i] * inverse, -32, 31) + 32);
      }
    }
  }

  private static void setQuant(MemorySegment block, long at, int element, int q) {
    or(block, at + lowerByte(element), (q & 15) << lowerShift(element));
    or(block, at + upperByte(element), (q >> 4) << upperShift(element));
  }

  private static void or(MemorySegment block, long at, int bits) {
    Blocks.setByte(block, at, Blocks.unsignedByte(block, at) | bits);
  }

  /**
   * The scale for 16 values whose error, weighted by their squares, is smallest among some tries:
   * each rounds the values with a trial scale, then solves for the best scale with these levels.
   */
  private static float fit(float[] values, int from) {
    float furthest = Blocks.furthest(values, from, SIZE);
    if (furthest == 0f) {
      return 0f;
    }
    double best = 0;
    double bestGain = Double.NEGATIVE_INFINITY;
    for (int attempt = -TRIES; attempt <= TRIES; attempt++) {
      double stepsPerUnit = -(32 + 0.1 * attempt) / furthest;
      double product = 0;
      double squares = 0;
      for (int i = from; i < from + SIZE; i++) {
        double x = values[i];
        double q = Math.clamp(Math.rint(x * stepsPerUnit), -32, 31);
        product += x * x * x * q;
        squares += x * x * q * q;
      }
      double gain = squares > 0 ? product * product / squares : 0;
      if (gain > bestGain) {
        bestGain = gain;
        best = squares > 0 ? product / squares : 0;
      }
    }
    return (float) best;
  }
}
