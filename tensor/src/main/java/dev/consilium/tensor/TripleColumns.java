package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.BYTES;
import static dev.consilium.tensor.Lanes.LONGS;
import static dev.consilium.tensor.Lanes.ORDER;
import static dev.consilium.tensor.TileMemory.ALL;
import static dev.consilium.tensor.TileMemory.COLUMN_BYTES;
import static dev.consilium.tensor.TileMemory.PASS;
import static dev.consilium.tensor.TileMemory.SLOTS;
import static dev.consilium.tensor.TileMemory.SLOT_BYTES;
import static dev.consilium.tensor.TileMemory.WEIGHTS_AT;
import static dev.consilium.tensor.TripleTiles.ONES;
import static dev.consilium.tensor.TripleTiles.SHIFT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.LongVector;

/**
 * The quants of three panels in doubles, the offset taken off, as {@link TripleTiles} reads them.
 *
 * <p>Of each row 16 bits, two columns of bytes or four of halves of bytes, are put where the row
 * has its place in a double. A column is then what a mask leaves; where it starts at bit n, the
 * mantissa is that of 2^(52 - n), and taking that and the offset off leaves the quants.
 */
final class TripleColumns {
  private static final long GROUP_BYTES = QuantLayout.ROWS * 4L;
  private static final long NIBBLES_BYTES = QuantLayout.BLOCK / 8 * GROUP_BYTES;
  private static final long BYTES_BYTES = QuantLayout.BLOCK / 4 * GROUP_BYTES;
  private static final long TARGET_BYTES = QuantLayout.BLOCK * COLUMN_BYTES;

  /** One in each of the rows of a double. */
  private static final long PLACES = 1 | (1L << SHIFT) | (1L << (2 * SHIFT));

  private static final long FOUR_BITS = 15 * PLACES;
  private static final long EIGHT_BITS = 255 * PLACES;

  private static final long LOWEST = 0xffff;
  private static final long MIDDLE = LOWEST << SHIFT;
  private static final long HIGHEST = LOWEST << (2 * SHIFT);

  private TripleColumns() {}

  /**
   * Blocks of halves of bytes, the lower ones the first 16 columns.
   *
   * @param p where the first block is in w; q and r likewise
   * @param offset what is taken off a quant
   * @param three 0 for the first three panels of the tile, 1 for the others
   */
  static void nibbles(
      MemorySegment w, long p, long q, long r, int blocks, int offset, int slot, int three) {
    for (int b = 0; b < blocks; b++) {
      for (long row = 0; row < GROUP_BYTES; row += BYTES) {
        long from = b * NIBBLES_BYTES + row;
        long to = three * (2 * GROUP_BYTES) + 2 * row;
        nibbles(w, p + from, q + from, r + from, offset, slot, b, to);
      }
    }
  }

  private static void nibbles(
      MemorySegment w, long ps, long qs, long rs, int offset, int slot, int block, long row) {
    long base = (slot & (SLOTS - 1)) * SLOT_BYTES;
    long target =
        base + WEIGHTS_AT + (block & (PASS - 1)) * TARGET_BYTES + (row & (COLUMN_BYTES - 1));
    for (int g = 0; g < 4; g++) {
      long from = (g & 3) * GROUP_BYTES;
      long to = target + 4L * (g & 3) * COLUMN_BYTES;
      LongVector p = LongVector.fromMemorySegment(LONGS, w, ps + from, ORDER);
      LongVector q = LongVector.fromMemorySegment(LONGS, w, qs + from, ORDER);
      LongVector r = LongVector.fromMemorySegment(LONGS, w, rs + from, ORDER);
      LongVector a01 =
          p.and(LOWEST).or(r.lanewise(LSHL, 17).and(MIDDLE)).or(q.lanewise(LSHL, 2).and(HIGHEST));
      LongVector a23 =
          p.lanewise(LSHR, 16)
              .and(LOWEST)
              .or(r.lanewise(LSHL, 1).and(MIDDLE))
              .or(q.lanewise(LSHR, 14).and(HIGHEST));
      LongVector b01 =
          q.and(LOWEST).or(r.lanewise(LSHR, 15).and(MIDDLE)).or(p.lanewise(LSHL, 2).and(HIGHEST));
      LongVector b23 =
          q.lanewise(LSHR, 16)
              .and(LOWEST)
              .or(r.lanewise(LSHR, 31).and(MIDDLE))
              .or(p.lanewise(LSHR, 14).and(HIGHEST));
      a01.and(FOUR_BITS)
          .or(0x433L << 52)
          .reinterpretAsDoubles()
          .sub(0x1p52 + offset * ONES)
          .intoMemorySegment(ALL, to, ORDER);
      a01.and(FOUR_BITS << 4)
          .or(0x42fL << 52)
          .reinterpretAsDoubles()
          .sub(0x1p48 + offset * ONES)
          .intoMemorySegment(ALL, to + 16 * COLUMN_BYTES, ORDER);
      a01.and(FOUR_BITS << 8)
          .or(0x42bL << 52)
          .reinterpretAsDoubles()
          .sub(0x1p44 + offset * ONES)
          .intoMemorySegment(ALL, to + COLUMN_BYTES, ORDER);
      a01.and(FOUR_BITS << 12)
          .or(0x427L << 52)
          .reinterpretAsDoubles()
          .sub(0x1p40 + offset * ONES)
          .intoMemorySegment(ALL, to + 17 * COLUMN_BYTES, ORDER);
      a23.and(FOUR_BITS)
          .or(0x433L << 52)
          .reinterpretAsDoubles()
          .sub(0x1p52 + offset * ONES)
          .intoMemorySegment(ALL, to + 2 * COLUMN_BYTES, ORDER);
      a23.and(FOUR_BITS << 4)
          .or(0x42fL << 52)
          .reinterpretAsDoubles()
          .sub(0x1p48 + offset * ONES)
          .intoMemorySegment(ALL, to + 18 * COLUMN_BYTES, ORDER);
      a23.and(FOUR_BITS << 8)
          .or(0x42bL << 52)
          .reinterpretAsDoubles()
          .sub(0x1p44 + offset * ONES)
          .intoMemorySegment(ALL, to + 3 * COLUMN_BYTES, ORDER);
      a23.and(FOUR_BITS << 12)
          .or(0x427L << 52)
          .reinterpretAsDoubles()
          .sub(0x1p40 + offset * ONES)
          .intoMemorySegment(ALL, to + 19 * COLUMN_BYTES, ORDER);
      b01.and(FOUR_BITS)
          .or(0x433L << 52)
          .reinterpretAsDoubles()
          .sub(0x1p52 + offset * ONES)
          .intoMemorySegment(ALL, to + BYTES, ORDER);
      b01.and(FOUR_BITS << 4)
          .or(0x42fL << 52)
          .reinterpretAsDoubles()
          .sub(0x1p48 + offset * ONES)
          .intoMemorySegment(ALL, to + 16 * COLUMN_BYTES + BYTES, ORDER);
      b01.and(FOUR_BITS << 8)
          .or(0x42bL << 52)
          .reinterpretAsDoubles()
          .sub(0x1p44 + offset * ONES)
          .intoMemorySegment(ALL, to + COLUMN_BYTES + BYTES, ORDER);
      b01.and(FOUR_BITS << 12)
          .or(0x427L << 52)
          .reinterpretAsDoubles()
          .sub(0x1p40 + offset * ONES)
          .intoMemorySegment(ALL, to + 17 * COLUMN_BYTES + BYTES, ORDER);
      b23.and(FOUR_BITS)
          .or(0x433L << 52)
          .reinterpretAsDoubles()
          .sub(0x1p52 + offset * ONES)
          .intoMemorySegment(ALL, to + 2 * COLUMN_BYTES + BYTES, ORDER);
      b23.and(FOUR_BITS << 4)
          .or(0x42fL << 52)
          .reinterpretAsDoubles()
          .sub(0x1p48 + offset * ONES)
          .intoMemorySegment(ALL, to + 18 * COLUMN_BYTES + BYTES, ORDER);
      b23.and(FOUR_BITS << 8)
          .or(0x42bL << 52)
          .reinterpretAsDoubles()
          .sub(0x1p44 + offset * ONES)
          .intoMemorySegment(ALL, to + 3 * COLUMN_BYTES + BYTES, ORDER);
      b23.and(FOUR_BITS << 12)
          .or(0x427L << 52)
          .reinterpretAsDoubles()
          .sub(0x1p40 + offset * ONES)
          .intoMemorySegment(ALL, to + 19 * COLUMN_BYTES + BYTES, ORDER);
    }
  }

  /** The same for whole bytes. */
  static void bytes(
      MemorySegment w, long p, long q, long r, int blocks, int offset, int slot, int three) {
    for (int b = 0; b < blocks; b++) {
      for (long row = 0; row < GROUP_BYTES; row += BYTES) {
        long from = b * BYTES_BYTES + row;
        long to = three * (2 * GROUP_BYTES) + 2 * row;
        bytes(w, p + from, q + from, r + from, offset, slot, b, to);
      }
    }
  }

  private static void bytes(
      MemorySegment w, long ps, long qs, long rs, int offset, int slot, int block, long row) {
    long base = (slot & (SLOTS - 1)) * SLOT_BYTES;
    long target =
        base + WEIGHTS_AT + (block & (PASS - 1)) * TARGET_BYTES + (row & (COLUMN_BYTES - 1));
    for (int g = 0; g < 8; g++) {
      long from = (g & 7) * GROUP_BYTES;
      long to = target + 4L * (g & 7) * COLUMN_BYTES;
      LongVector p = LongVector.fromMemorySegment(LONGS, w, ps + from, ORDER);
      LongVector q = LongVector.fromMemorySegment(LONGS, w, qs + from, ORDER);
      LongVector r = LongVector.fromMemorySegment(LONGS, w, rs + from, ORDER);
      LongVector a01 =
          p.and(LOWEST).or(r.lanewise(LSHL, 17).and(MIDDLE)).or(q.lanewise(LSHL, 2).and(HIGHEST));
      LongVector a23 =
          p.lanewise(LSHR, 16)
              .and(LOWEST)
              .or(r.lanewise(LSHL, 1).and(MIDDLE))
              .or(q.lanewise(LSHR, 14).and(HIGHEST));
      LongVector b01 =
          q.and(LOWEST).or(r.lanewise(LSHR, 15).and(MIDDLE)).or(p.lanewise(LSHL, 2).and(HIGHEST));
      LongVector b23 =
          q.lanewise(LSHR, 16)
              .and(LOWEST)
              .or(r.lanewise(LSHR, 31).and(MIDDLE))
              .or(p.lanewise(LSHR, 14).and(HIGHEST));
      a01.and(EIGHT_BITS)
          .or(0x433L << 52)
          .reinterpretAsDoubles()
          .sub(0x1p52 + offset * ONES)
          .intoMemorySegment(ALL, to, ORDER);
      a01.and(EIGHT_BITS << 8)
          .or(0x42bL << 52)
          .reinterpretAsDoubles()
          .sub(0x1p44 + offset * ONES)
          .intoMemorySegment(ALL, to + COLUMN_BYTES, ORDER);
      a23.and(EIGHT_BITS)
          .or(0x433L << 52)
          .reinterpretAsDoubles()
          .sub(0x1p52 + offset * ONES)
          .intoMemorySegment(ALL, to + 2 * COLUMN_BYTES, ORDER);
      a23.and(EIGHT_BITS << 8)
          .or(0x42bL << 52)
          .reinterpretAsDoubles()
          .sub(0x1p44 + offset * ONES)
          .intoMemorySegment(ALL, to + 3 * COLUMN_BYTES, ORDER);
      b01.and(EIGHT_BITS)
          .or(0x433L << 52)
          .reinterpretAsDoubles()
          .sub(0x1p52 + offset * ONES)
          .intoMemorySegment(ALL, to + BYTES, ORDER);
      b01.and(EIGHT_BITS << 8)
          .or(0x42bL << 52)
          .reinterpretAsDoubles()
          .sub(0x1p44 + offset * ONES)
          .intoMemorySegment(ALL, to + COLUMN_BYTES + BYTES, ORDER);
      b23.and(EIGHT_BITS)
          .or(0x433L << 52)
          .reinterpretAsDoubles()
          .sub(0x1p52 + offset * ONES)
          .intoMemorySegment(ALL, to + 2 * COLUMN_BYTES + BYTES, ORDER);
      b23.and(EIGHT_BITS << 8)
          .or(0x42bL << 52)
          .reinterpretAsDoubles()
          .sub(0x1p44 + offset * ONES)
          .intoMemorySegment(ALL, to + 3 * COLUMN_BYTES + BYTES, ORDER);
    }
  }
}
