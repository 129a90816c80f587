package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;

/**
 * Q4_K and Q5_K: for each 256 columns d and m in binary16 and the 12 bytes with 6-bit scales and
 * minima of the eight sub-blocks, as three ints.
 */
final class KLayout extends QuantLayout {
  /** Where the ints start in the scales of a block. */
  static final int INTS_AT = 2 * ROWS * Short.BYTES;

  private static final int LOWER_HALVES = 0x0f0f_0f0f;
  private static final int UPPER_HALVES = 0xf0f0_f0f0;
  private static final int LOWEST_BITS = 0x0101_0101;

  KLayout(DType dtype, int bits) {
    super(dtype, bits, INTS_AT + 3 * ROWS * Integer.BYTES);
  }

  @Override
  int offset() {
    return 0;
  }

  @Override
  boolean hasMinimum() {
    return true;
  }

  @Override
  float scale(MemorySegment panel, int row, int group) {
    long at = scalesAt(group / 8);
    int lower = storedInt(panel, at, row, 2);
    return half(panel, at + row * 2L) * sixBits(storedInt(panel, at, row, 0), lower, group % 8);
  }

  @Override
  float minimum(MemorySegment panel, int row, int group) {
    long at = scalesAt(group / 8);
    int lower = storedInt(panel, at, row, 2) >>> 4;
    float m = half(panel, at + ROWS * Short.BYTES + row * 2L);
    return m * sixBits(storedInt(panel, at, row, 1), lower, group % 8);
  }

  /**
   * Of sub-blocks 0 to 3 the lower six bits of a byte; of the others four bits and those on top.
   */
  private static int sixBits(int bytes, int lowerHalves, int sub) {
    int shift = sub % 4 * 8;
    int own = bytes >>> shift;
    return sub < 4 ? own & 63 : (lowerHalves >>> shift & 15) | (own >>> 6 & 3) << 4;
  }

  private static int storedInt(MemorySegment panel, long at, int row, int index) {
    return panel.get(STORED_INT, at + INTS_AT + index * 64L + row * 4L);
  }

  @Override
  boolean packBlock(MemorySegment source, int block, MemorySegment panel, long quantsAt, int row) {
    long at = scalesAt(block);
    boolean finite = copyHalf(source, 0, panel, at + row * 2L);
    finite &= copyHalf(source, 2, panel, at + ROWS * Short.BYTES + row * 2L);
    for (int i = 0; i < 3; i++) {
      setLane(panel, at + INTS_AT + i * 64L, row, source.get(STORED_INT, 4 + i * 4L));
    }
    for (int sub = 0; sub < 8; sub++) {
      packSubBlock(source, sub, panel, quantsAt + (long) sub * quantBytes(), row);
    }
    return finite;
  }

  private void packSubBlock(MemorySegment source, int sub, MemorySegment panel, long at, int row) {
    long from = (bits() == 4 ? 16 : 48) + sub / 2 * 32L;
    for (int group = 0; group < 4; group++) {
      int first = source.get(STORED_INT, from + group * 4L);
      int second = source.get(STORED_INT, from + 16 + group * 4L);
      int packed =
          sub % 2 == 0
              ? (first & LOWER_HALVES) | (second & LOWER_HALVES) << 4
              : (first >>> 4 & LOWER_HALVES) | (second & UPPER_HALVES);
      setLane(panel, at + group * 64L, row, packed);
    }
    if (bits() == 5) {
      int fifth = 0;
      for (int group = 0; group < 8; group++) {
        fifth |= (source.get(STORED_INT, 16 + group * 4L) >>> sub & LOWEST_BITS) << group;
      }
      setLane(panel, at + 256, row, fifth);
    }
  }
}
