package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;

/** Q8_0, Q4_0 and Q5_0: a binary16 for each 32 columns. */
final class PlainLayout extends QuantLayout {
  /** Every fourth bit. */
  private static final int FOURTHS = 0x1111_1111;

  PlainLayout(DType dtype, int bits) {
    super(dtype, bits, ROWS * Short.BYTES);
  }

  @Override
  int offset() {
    return 1 << (bits() - 1);
  }

  @Override
  float scale(MemorySegment panel, int row, int group) {
    return half(panel, scalesAt(group) + row * 2L);
  }

  @Override
  int packRow(MemorySegment source, long at, MemorySegment panel, int columns, int row) {
    long to = headerBytes(columns) + row * 4L;
    return switch (bits()) {
      case 8 -> packBytes(source, at, panel, to, columns / BLOCK, row);
      case 5 -> packFiveBits(source, at, panel, to, columns / BLOCK, row);
      default -> packNibbles(source, at, panel, to, columns / BLOCK, row);
    };
  }

  private static int packBytes(
      MemorySegment source, long at, MemorySegment panel, long to, int blocks, int row) {
    int wrong = -1;
    for (int block = 0; block < blocks; block++, at += 34, to += 512) {
      if (!copyHalf(source, at, panel, block * 32L + row * 2L) && wrong < 0) {
        wrong = block;
      }
      for (int group = 0; group < 8; group++) {
        // The sign bit flipped: 128 added.
        int quants = source.get(STORED_INT, at + 2 + group * 4L) ^ 0x8080_8080;
        panel.set(STORED_INT, to + group * 64L, quants);
      }
    }
    return wrong;
  }

  private static int packNibbles(
      MemorySegment source, long at, MemorySegment panel, long to, int blocks, int row) {
    int wrong = -1;
    for (int block = 0; block < blocks; block++, at += 18, to += 256) {
      if (!copyHalf(source, at, panel, block * 32L + row * 2L) && wrong < 0) {
        wrong = block;
      }
      copyNibbles(source, at + 2, panel, to);
    }
    return wrong;
  }

  private static int packFiveBits(
      MemorySegment source, long at, MemorySegment panel, long to, int blocks, int row) {
    int wrong = -1;
    for (int block = 0; block < blocks; block++, at += 22, to += 320) {
      if (!copyHalf(source, at, panel, block * 32L + row * 2L) && wrong < 0) {
        wrong = block;
      }
      int stored = source.get(STORED_INT, at + 2);
      int packed = 0;
      for (int i = 0; i < 4; i++) {
        packed |= Integer.compress(stored >>> i, FOURTHS) << (8 * i);
      }
      panel.set(STORED_INT, to + 256, packed);
      copyNibbles(source, at + 6, panel, to);
    }
    return wrong;
  }

  /** A stored pair of halves is what the panel wants: columns i and i + 16. */
  static void copyNibbles(MemorySegment source, long from, MemorySegment panel, long to) {
    for (int group = 0; group < 4; group++) {
      panel.set(STORED_INT, to + group * 64L, source.get(STORED_INT, from + group * 4L));
    }
  }
}
