package dev.consilium.tensor.quant;

import java.lang.foreign.MemorySegment;

/**
 * Q4_0, 18 bytes: a binary16 scale d, then 16 bytes; byte i holds q of weight i in its lower half
 * and q of weight i + 16 in its upper half. Weight {@code d * (q - 8)}.
 */
final class Q4Block implements BlockFormat {
  @Override
  public int elements() {
    return 32;
  }

  @Override
  public int bytes() {
    return 18;
  }

  @Override
  public void dequantise(MemorySegment block, long at, float[] into, int from) {
    float scale = Blocks.half(block, at);
    for (int i = 0; i < 16; i++) {
      int pair = Blocks.unsignedByte(block, at + 2 + i);
      into[from + i] = scale * ((pair & 15) - 8);
      into[from + 16 + i] = scale * ((pair >> 4) - 8);
    }
  }

  /** The value furthest from zero gets q = 0, the end of the range that reaches one further. */
  @Override
  public void quantise(float[] values, int from, MemorySegment block, long at) {
    float wanted = Blocks.furthest(values, from, 32) / -8f;
    Blocks.setHalf(block, at, wanted);
    float inverse = Blocks.inverse(wanted);
    for (int i = 0; i < 16; i++) {
      int low = Blocks.round(values[from + i] * inverse, -8, 7) + 8;
      int high = Blocks.round(values[from + 16 + i] * inverse, -8, 7) + 8;
      Blocks.setByte(block, at + 2 + i, low | (high << 4));
    }
  }
}
