package dev.consilium.tensor.quant;

import java.lang.foreign.MemorySegment;

/**
 * Q5_0, 22 bytes: a binary16 scale d, 32 bits with the fifth bit of each q, then the other four as
 * in Q4_0. Weight {@code d * (q - 16)}.
 */
final class Q5Block implements BlockFormat {
  @Override
  public int elements() {
    return 32;
  }

  @Override
  public int bytes() {
    return 22;
  }

  @Override
  public void dequantise(MemorySegment block, long at, float[] into, int from) {
    float scale = Blocks.half(block, at);
    int fifth = Blocks.integer(block, at + 2);
    for (int i = 0; i < 16; i++) {
      int pair = Blocks.unsignedByte(block, at + 6 + i);
      int low = (pair & 15) | ((fifth >>> i & 1) << 4);
      int high = (pair >> 4) | ((fifth >>> (i + 16) & 1) << 4);
      into[from + i] = scale * (low - 16);
      into[from + 16 + i] = scale * (high - 16);
    }
  }

  @Override
  public void quantise(float[] values, int from, MemorySegment block, long at) {
    float wanted = Blocks.furthest(values, from, 32) / -16f;
    Blocks.setHalf(block, at, wanted);
    float inverse = Blocks.inverse(wanted);
    int fifth = 0;
    for (int i = 0; i < 16; i++) {
      int low = Blocks.round(values[from + i] * inverse, -16, 15) + 16;
      int high = Blocks.round(values[from + 16 + i] * inverse, -16, 15) + 16;
      fifth |= (low >> 4) << i | (high >> 4) << (i + 16);
      Blocks.setByte(block, at + 6 + i, (low & 15) | ((high & 15) << 4));
    }
    Blocks.setInteger(block, at + 2, fifth);
  }
}
