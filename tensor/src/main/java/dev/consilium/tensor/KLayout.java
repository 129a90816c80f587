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
  int packRow(MemorySegment source, long at, MemorySegment panel, int columns, int row) {
    int blockBytes = dtype().blockBytes();
    int wrong = -1;
    for (int block = 0; block < columns / 256; block++) {
      long from = at + (long) block * blockBytes;
      long scales = scalesAt(block);
      boolean finite = copyHalf(source, from, panel, scales + row * 2L);
      finite &= copyHalf(source, from + 2, panel, scales + ROWS * Short.BYTES + row * 2L);
      if (!finite && wrong < 0) {
        wrong = block;
      }
      for (int i = 0; i < 3; i++) {
        int stored = source.get(STORED_INT, from + 4 + i * 4L);
        panel.set(STORED_INT, scales + INTS_AT + i * 64L + row * 4L, stored);
      }
    }
    long to = headerBytes(columns) + row * 4L;
    if (bits() == 4) {
      packNibbles(source, at + 16, blockBytes, panel, to, quantBytes(), columns / 256);
    } else {
      packNibbles(source, at + 48, blockBytes, panel, to, quantBytes(), columns / 256);
      packFifthBits(source, at + 16, panel, to + 256, columns / 256);
    }
    return wrong;
  }

  /**
   * 32 stored bytes hold two sub-blocks, one in the lower halves and one in the upper; here the
   * halves of a byte are columns i and i + 16 of one sub-block.
   */
  private static void packNibbles(
      MemorySegment source,
      long at,
      long blockBytes,
      MemorySegment panel,
      long to,
      long subBytes,
      int blocks) {
    for (int block = 0; block < blocks; block++) {
      for (int pair = 0; pair < 4; pair++) {
        long from = at + block * blockBytes + pair * 32L;
        long even = to + (block * 8L + pair * 2L) * subBytes;
        long odd = even + subBytes;
        for (int group = 0; group < 4; group++) {
          int first = source.get(STORED_INT, from + group * 4L);
          int second = source.get(STORED_INT, from + 16 + group * 4L);
          panel.set(
              STORED_INT,
              even + group * 64L,
              (first & LOWER_HALVES) | (second & LOWER_HALVES) << 4);
          panel.set(
              STORED_INT,
              odd + group * 64L,
              (first >>> 4 & LOWER_HALVES) | (second & UPPER_HALVES));
        }
      }
    }
  }

  private static void packFifthBits(
      MemorySegment source, long at, MemorySegment panel, long to, int blocks) {
    for (int block = 0; block < blocks; block++) {
      for (int sub = 0; sub < 8; sub++) {
        int fifth = 0;
        for (int group = 0; group < 8; group++) {
          int stored = source.get(STORED_INT, at + block * 176L + group * 4L);
          fifth |= (stored >>> sub & LOWEST_BITS) << group;
        }
        panel.set(STORED_INT, to + (block * 8L + sub) * 320L, fifth);
      }
    }
  }
}
