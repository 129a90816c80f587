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
  boolean packBlock(MemorySegment source, int block, MemorySegment panel, long quantsAt, int row) {
    boolean finite = copyHalf(source, 0, panel, scalesAt(block) + row * 2L);
    switch (bits()) {
      case 8 -> packBytes(source, panel, quantsAt, row);
      case 5 -> {
        packFifthBits(source, panel, quantsAt, row);
        packNibbles(source, 6, panel, quantsAt, row);
      }
      default -> packNibbles(source, 2, panel, quantsAt, row);
    }
    return finite;
  }

  private static void packBytes(MemorySegment source, MemorySegment panel, long quantsAt, int row) {
    for (int group = 0; group < 8; group++) {
      // The sign bit flipped: 128 added.
      int quants = source.get(STORED_INT, 2 + group * 4L) ^ 0x8080_8080;
      setLane(panel, quantsAt + group * 64L, row, quants);
    }
  }

  /** A stored pair of halves is what the panel wants: columns i and i + 16. */
  static void packNibbles(
      MemorySegment source, long from, MemorySegment panel, long quantsAt, int row) {
    for (int group = 0; group < 4; group++) {
      setLane(panel, quantsAt + group * 64L, row, source.get(STORED_INT, from + group * 4L));
    }
  }

  private static void packFifthBits(
      MemorySegment source, MemorySegment panel, long quantsAt, int row) {
    int stored = source.get(STORED_INT, 2);
    int packed = 0;
    for (int i = 0; i < 4; i++) {
      packed |= Integer.compress(stored >>> i, FOURTHS) << (8 * i);
    }
    setLane(panel, quantsAt + 256, row, packed);
  }
}
