package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;

/** Q6_K: for each 256 columns d in binary16 and sixteen signed scales of 8 bits, as four ints. */
final class Q6KLayout extends QuantLayout {
  /** Where the ints start in the scales of a block. */
  static final int INTS_AT = ROWS * Short.BYTES;

  private static final int LOWER_HALVES = 0x0f0f_0f0f;
  private static final int LOWEST_PAIRS = 0x0303_0303;

  Q6KLayout() {
    super(DType.Q6_K, 6, INTS_AT + 4 * ROWS * Integer.BYTES);
  }

  @Override
  int offset() {
    return 32;
  }

  @Override
  int groupColumns() {
    return 16;
  }

  @Override
  float scale(MemorySegment panel, int row, int group) {
    long at = scalesAt(group / 16);
    int four = panel.get(STORED_INT, at + INTS_AT + group % 16 / 4 * 64L + row * 4L);
    return half(panel, at + row * 2L) * (byte) (four >> (group % 4 * 8));
  }

  @Override
  int packRow(MemorySegment source, long at, MemorySegment panel, int columns, int row) {
    int wrong = -1;
    for (int block = 0; block < columns / 256; block++) {
      long from = at + block * 210L;
      long scales = scalesAt(block);
      if (!copyHalf(source, from + 208, panel, scales + row * 2L) && wrong < 0) {
        wrong = block;
      }
      for (int i = 0; i < 4; i++) {
        int stored = source.get(STORED_INT, from + 192 + i * 4L);
        panel.set(STORED_INT, scales + INTS_AT + i * 64L + row * 4L, stored);
      }
      long to = headerBytes(columns) + row * 4L + (long) block * 8 * quantBytes();
      for (int sub = 0; sub < 8; sub++) {
        packSubBlock(source, from, sub, panel, to + (long) sub * quantBytes());
      }
    }
    return wrong;
  }

  private static void packSubBlock(
      MemorySegment source, long from, int sub, MemorySegment panel, long to) {
    long lowerFrom = from + sub / 4 * 64L + sub % 2 * 32L;
    int lowerShift = sub % 4 / 2 * 4;
    long upperFrom = from + 128 + sub / 4 * 32L;
    int upperShift = sub % 4 * 2;
    int upperOfFirst = 0;
    int upperOfSecond = 0;
    for (int group = 0; group < 4; group++) {
      int first = source.get(STORED_INT, lowerFrom + group * 4L) >>> lowerShift;
      int second = source.get(STORED_INT, lowerFrom + 16 + group * 4L) >>> lowerShift;
      int packed = (first & LOWER_HALVES) | (second & LOWER_HALVES) << 4;
      panel.set(STORED_INT, to + group * 64L, packed);
      int upper = source.get(STORED_INT, upperFrom + group * 4L) >>> upperShift;
      upperOfFirst |= (upper & LOWEST_PAIRS) << (2 * group);
      upper = source.get(STORED_INT, upperFrom + 16 + group * 4L) >>> upperShift;
      upperOfSecond |= (upper & LOWEST_PAIRS) << (2 * group);
    }
    panel.set(STORED_INT, to + 256, upperOfFirst);
    panel.set(STORED_INT, to + 320, upperOfSecond);
  }
}
