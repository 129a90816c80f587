package dev.consilium.tensor.quant;

import java.lang.foreign.MemorySegment;

/**
 * Q4_K (144 bytes) and Q5_K (176 bytes): 256 weights in eight sub-blocks of 32.
 *
 * <ol>
 *   <li>binary16 d, the scale of the scales, and binary16 m, the scale of the minima.
 *   <li>12 bytes with a scale s and a minimum t of 6 bits for each sub-block: sub-blocks 0 to 3 in
 *       the lower 6 bits of bytes 0 to 3 (s) and 4 to 7 (t); of sub-block 4 + j, the lower four
 *       bits in byte 8 + j (s below, t above), the upper two on top of bytes j (s) and 4 + j (t).
 *   <li>Q5_K only: 32 bytes; bit j of byte i is the fifth bit of weight i of sub-block j.
 *   <li>128 bytes: byte {@code 32 c + i} holds four bits of weight i of sub-block 2 c in its lower
 *       half, of sub-block 2 c + 1 in its upper half.
 * </ol>
 *
 * Weight {@code d * s * q - m * t}.
 */
final class KBlock implements BlockFormat {
  private static final int SUB_BLOCKS = 8;
  private static final int SIZE = 32;

  /** Bytes that hold half of every weight of two sub-blocks. */
  private static final long PAIR_BYTES = 32;

  private final int bits;

  KBlock(int bits) {
    this.bits = bits;
  }

  @Override
  public int elements() {
    return 256;
  }

  @Override
  public int bytes() {
    return lowerAt() + 128;
  }

  private int lowerAt() {
    return bits == 4 ? 16 : 48;
  }

  @Override
  public void dequantise(MemorySegment block, long at, float[] into, int from) {
    for (int sub = 0; sub < SUB_BLOCKS; sub++) {
      float scale = Blocks.half(block, at) * scale(block, at, sub);
      float minimum = Blocks.half(block, at + 2) * minimum(block, at, sub);
      for (int i = 0; i < SIZE; i++) {
        into[from + sub * SIZE + i] = scale * quant(block, at, sub, i) - minimum;
      }
    }
  }

  private static int scale(MemorySegment block, long at, int sub) {
    if (sub < 4) {
      return Blocks.unsignedByte(block, at + 4 + sub) & 63;
    }
    int upper = Blocks.unsignedByte(block, at + sub) >> 6;
    return (Blocks.unsignedByte(block, at + 8 + sub) & 15) | (upper << 4);
  }

  private static int minimum(MemorySegment block, long at, int sub) {
    if (sub < 4) {
      return Blocks.unsignedByte(block, at + 8 + sub) & 63;
    }
    int upper = Blocks.unsignedByte(block, at + 4 + sub) >> 6;
    return (Blocks.unsignedByte(block, at + 8 + sub) >> 4) | (upper << 4);
  }

  private int quant(MemorySegment block, long at, int sub, int i) {
    int pair = Blocks.unsignedByte(block, at + lowerAt() + sub / 2 * PAIR_BYTES + i);
    int lower = pair >> (sub % 2 * 4) & 15;
    return bits == 4 ? lower : lower | (Blocks.unsignedByte(block, at + 16 + i) >> sub & 1) << 4;
  }

  /**
   * Fits each sub-block on its own, rounds scales and minima to 6 bits, then takes for every weight
   * the nearest value that these give.
   */
  @Override
  public void quantise(float[] values, int from, MemorySegment block, long at) {
    AffineFit[] fits = new AffineFit[SUB_BLOCKS];
    float maxScale = 0f;
    float maxMinimum = 0f;
    for (int sub = 0; sub < SUB_BLOCKS; sub++) {
      fits[sub] = AffineFit.of(values, from + sub * SIZE, SIZE, (1 << bits) - 1);
      maxScale = Math.max(maxScale, fits[sub].scale());
      maxMinimum = Math.max(maxMinimum, fits[sub].minimum());
    }
    block.asSlice(at, bytes()).fill((byte) 0);
    float d = Blocks.setHalf(block, at, maxScale / 63f);
    float m = Blocks.setHalf(block, at + 2, maxMinimum / 63f);
    for (int sub = 0; sub < SUB_BLOCKS; sub++) {
      int s = Blocks.round(fits[sub].scale() * Blocks.inverse(d), 0, 63);
      int t = Blocks.round(fits[sub].minimum() * Blocks.inverse(m), 0, 63);
      setScales(block, at, sub, s, t);
      setQuants(values, from + sub * SIZE, block, at, sub, d * s, m * t);
    }
  }

  private static void setScales(MemorySegment block, long at, int sub, int s, int t) {
    if (sub < 4) {
      or(block, at + 4 + sub, s);
      or(block, at + 8 + sub, t);
    } else {
      or(block, at + 8 + sub, (s & 15) | (t & 15) << 4);
      or(block, at + sub, (s >> 4) << 6);
      or(block, at + 4 + sub, (t >> 4) << 6);
    }
  }

  private void setQuants(
      float[] values, int from, MemorySegment block, long at, int sub, float scale, float minimum) {
    float inverse = Blocks.inverse(scale);
    for (int i = 0; i < SIZE; i++) {
      int q = Blocks.round((values[from + i] + minimum) * inverse, 0, (1 << bits) - 1);
      or(block, at + lowerAt() + sub / 2 * PAIR_BYTES + i, (q & 15) << (sub % 2 * 4));
      if (bits == 5) {
        or(block, at + 16 + i, (q >> 4) << sub);
      }
    }
  }

  private static void or(MemorySegment block, long at, int bits) {
    Blocks.setByte(block, at, Blocks.unsignedByte(block, at) | bits);
  }
}
