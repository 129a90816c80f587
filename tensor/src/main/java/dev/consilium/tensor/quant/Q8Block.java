package dev.consilium.tensor.quant;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/** Q8_0, 34 bytes: a binary16 scale d, then 32 signed bytes q. Weight {@code d * q}. */
final class Q8Block implements BlockFormat {
  @Override
  public int elements() {
    return 32;
  }

  @Override
  public int bytes() {
    return 34;
  }

  @Override
  public void dequantise(MemorySegment block, long at, float[] into, int from) {
    float scale = Blocks.half(block, at);
    for (int i = 0; i < 32; i++) {
      into[from + i] = scale * block.get(JAVA_BYTE, at + 2 + i);
    }
  }

  @Override
  public void quantise(float[] values, int from, MemorySegment block, long at) {
    float wanted = Math.abs(Blocks.furthest(values, from, 32)) / 127f;
    Blocks.setHalf(block, at, wanted);
    float inverse = Blocks.inverse(wanted);
    for (int i = 0; i < 32; i++) {
      Blocks.setByte(block, at + 2 + i, Blocks.round(values[from + i] * inverse, -127, 127));
    }
  }
}
