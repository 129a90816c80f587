package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.BYTES;
import static dev.consilium.tensor.Lanes.INTS;
import static dev.consilium.tensor.Lanes.ORDER;
import static dev.consilium.tensor.TileMemory.ALL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.XOR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;

/**
 * The quants of a panel ({@link QuantLayout}) that are spread over several bits as bytes, eight
 * groups a block: from 0 on, the offset not taken off. About checks see {@link ScaledTiles}.
 */
final class QuantBytes {
  static final long BLOCK_BYTES = QuantLayout.BLOCK * QuantLayout.ROWS;

  private static final int GROUPS = QuantLayout.BLOCK / 4;
  private static final long GROUP_BYTES = QuantLayout.ROWS * 4L;

  private QuantBytes() {}

  /** Whether blocks are other than bytes or halves of bytes that are the quants. */
  static boolean needed(QuantLayout layout) {
    return layout.bits() % 4 != 0 || layout.dtype() == DType.MXFP4;
  }

  /**
   * Of some blocks that start at {@code from}.
   *
   * @param at where in {@link TileMemory#ALL} the bytes go
   */
  static void unpack(QuantLayout layout, MemorySegment w, long from, int blocks, long at) {
    for (int b = 0; b < blocks; b++) {
      long block = from + b * (long) layout.quantBytes();
      long to = at + b * BLOCK_BYTES;
      for (long row = 0; row < GROUP_BYTES; row += BYTES) {
        switch (layout.bits()) {
          case 5 -> fiveBits(w, block + row, to + row);
          case 6 -> sixBits(w, block + row, to + row);
          default -> codes(w, block + row, to + row);
        }
      }
    }
  }

  private static void fiveBits(MemorySegment w, long from, long to) {
    IntVector upper = IntVector.fromMemorySegment(INTS, w, from + 4 * GROUP_BYTES, ORDER);
    for (int i = 0; i < GROUPS; i++) {
      int g = i & (GROUPS - 1);
      IntVector.fromMemorySegment(INTS, w, from + g % 4 * GROUP_BYTES, ORDER)
          .lanewise(LSHR, g / 4 * 4)
          .and(0x0f0f_0f0f)
          .or(upper.lanewise(LSHR, g).and(0x0101_0101).mul(16))
          .intoMemorySegment(ALL, to + g * GROUP_BYTES, ORDER);
    }
  }

  private static void sixBits(MemorySegment w, long from, long to) {
    for (int i = 0; i < GROUPS; i++) {
      int g = i & (GROUPS - 1);
      IntVector upper =
          IntVector.fromMemorySegment(INTS, w, from + (4 + g / 4) * GROUP_BYTES, ORDER)
              .lanewise(LSHR, g % 4 * 2)
              .and(0x0303_0303);
      IntVector.fromMemorySegment(INTS, w, from + g % 4 * GROUP_BYTES, ORDER)
          .lanewise(LSHR, g / 4 * 4)
          .and(0x0f0f_0f0f)
          .or(upper.mul(16))
          .intoMemorySegment(ALL, to + g * GROUP_BYTES, ORDER);
    }
  }

  /** The numbers behind the codes, as {@link Mxfp4Layout#doubled} says, and the offset. */
  private static void codes(MemorySegment w, long from, long to) {
    for (int i = 0; i < GROUPS; i++) {
      int g = i & (GROUPS - 1);
      IntVector code =
          IntVector.fromMemorySegment(INTS, w, from + g % 4 * GROUP_BYTES, ORDER)
              .lanewise(LSHR, g / 4 * 4);
      ByteVector m = code.and(0x0707_0707).reinterpretAsBytes();
      ByteVector twice = m.add(m);
      ByteVector magnitude = m.max(twice.sub((byte) 4)).max(twice.add(twice).sub((byte) 16));
      // All bits where the code is of a negative number.
      ByteVector sign = code.lanewise(LSHR, 3).and(0x0101_0101).mul(0xff).reinterpretAsBytes();
      magnitude
          .lanewise(XOR, sign)
          .sub(sign)
          .add((byte) 12)
          .intoMemorySegment(ALL, to + g * GROUP_BYTES, ORDER);
    }
  }
}
