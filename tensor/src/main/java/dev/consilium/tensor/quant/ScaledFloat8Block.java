package dev.consilium.tensor.quant;

import java.lang.foreign.MemorySegment;

/**
 * 36 bytes: a scale (binary32), then 32 numbers as {@link Float8#e4m3} reads them. Weight: scale
 * times number, rounded once. No file holds such blocks: it is how we read matrices of 8-bit
 * numbers whose scales are elsewhere.
 */
final class ScaledFloat8Block implements BlockFormat {
  private static final float LARGEST = 448;

  @Override
  public int elements() {
    return 32;
  }

  @Override
  public int bytes() {
    return 36;
  }

  @Override
  public void dequantise(MemorySegment block, long at, float[] into, int from) {
    float scale = Blocks.single(block, at);
    for (int i = 0; i < 32; i++) {
      into[from + i] = Float8.e4m3((byte) Blocks.unsignedByte(block, at + 4 + i)) * scale;
    }
  }

  /** The largest value becomes the largest number. */
  @Override
  public void quantise(float[] values, int from, MemorySegment block, long at) {
    float largest = Math.abs(Blocks.furthest(values, from, 32));
    float scale = largest == 0f ? 1f : largest / LARGEST;
    Blocks.setSingle(block, at, scale);
    for (int i = 0; i < 32; i++) {
      Blocks.setByte(block, at + 4 + i, nearest(values[from + i] / scale));
    }
  }

  private static int nearest(float value) {
    int best = 0;
    for (int code = 1; code < 0x7f; code++) {
      float here = Math.abs(Float8.e4m3((byte) code) - Math.abs(value));
      if (here < Math.abs(Float8.e4m3((byte) best) - Math.abs(value))) {
        best = code;
      }
    }
    return value < 0 ? best | 0x80 : best;
  }
}
