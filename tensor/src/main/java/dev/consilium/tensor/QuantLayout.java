package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * How quantised weights lie in a panel of 16 rows. Nothing of a block is lost or rounded.
 *
 * <p>A panel is its scales, then its quants, each starting at a multiple of 64 bytes. A quant is
 * kept as the number that the block stores, from 0 on ({@link #offset} is what has to be taken
 * off). For 32 columns there are 8 <i>groups</i> of 64 bytes: byte {@code 4 r + i} of group g is
 * column {@code 4 g + i} of row r, so that one 32-bit lane belongs to one row.
 *
 * <ul>
 *   <li>8 bits: the eight groups.
 *   <li>4 bits: 4 x 64 bytes; the lower halves of the j-th are group j, the upper ones group j + 4.
 *   <li>5 bits: as 4 bits, then 64 bytes whose bit g is the fifth bit of group g.
 *   <li>6 bits: as 4 bits, then 64 bytes whose bits {@code 2 g}, {@code 2 g + 1} are the upper bits
 *       of group g (0 to 3), then 64 bytes for groups 4 to 7.
 * </ul>
 *
 * Scales, one entry per row, blocks ascending:
 *
 * <ul>
 *   <li>Q8_0, Q4_0, Q5_0: 16 binary16.
 *   <li>MXFP4: 16 exponent bytes.
 *   <li>Q4_K, Q5_K: 16 binary16 d, 16 binary16 m, then the 12 scale bytes as three times 16 ints.
 *   <li>Q6_K: 16 binary16 d, then the 16 scale bytes as four times 16 ints.
 * </ul>
 */
abstract sealed class QuantLayout permits PlainLayout, Mxfp4Layout, KLayout, Q6KLayout {
  /** Rows of a panel. */
  static final int ROWS = 16;

  /** Columns that share a scale of the activations. */
  static final int BLOCK = 32;

  static final ValueLayout.OfInt STORED_INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfShort STORED_SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final long GROUP_BYTES = 64;
  private static final int NIBBLE_BYTES = 256;

  private final DType dtype;
  private final int bits;
  private final int scaleBytes;

  /**
   * @param scaleBytes bytes of the scales of one block in all rows of a panel
   */
  QuantLayout(DType dtype, int bits, int scaleBytes) {
    this.dtype = dtype;
    this.bits = bits;
    this.scaleBytes = scaleBytes;
  }

  static QuantLayout of(DType dtype) {
    return switch (dtype) {
      case Q8_0 -> new PlainLayout(dtype, 8);
      case Q4_0 -> new PlainLayout(dtype, 4);
      case Q5_0 -> new PlainLayout(dtype, 5);
      case Q4_K -> new KLayout(dtype, 4);
      case Q5_K -> new KLayout(dtype, 5);
      case Q6_K -> new Q6KLayout();
      case MXFP4 -> new Mxfp4Layout();
      case F32, BF16, F16, F8_BLOCKS, F4_BLOCKS ->
          throw new IllegalArgumentException(dtype + " is not quantised");
    };
  }

  final DType dtype() {
    return dtype;
  }

  /** Bits of a quant: 4, 5, 6 or 8. */
  final int bits() {
    return bits;
  }

  /** Bytes of the scales of a panel, and where its quants start. */
  final long headerBytes(int columns) {
    long bytes = (long) columns / dtype.blockElements() * scaleBytes;
    return (bytes + GROUP_BYTES - 1) / GROUP_BYTES * GROUP_BYTES;
  }

  /** Bytes of the quants of 32 columns of a panel. */
  final int quantBytes() {
    return BLOCK * ROWS * bits / 8;
  }

  final long panelBytes(int columns) {
    return headerBytes(columns) + (long) columns / BLOCK * quantBytes();
  }

  /** Where the scales of a block are in its panel. */
  final long scalesAt(int block) {
    return (long) block * scaleBytes;
  }

  /** Columns that share a scale: 32, or 16. */
  int groupColumns() {
    return BLOCK;
  }

  /** What has to be taken off a stored quant. */
  abstract int offset();

  /** Whether a group of columns has a minimum beside its scale. */
  boolean hasMinimum() {
    return false;
  }

  /** The factor of the quants of a group of columns in one row; exact. */
  abstract float scale(MemorySegment panel, int row, int group);

  /** What is subtracted from every weight of a group of columns in one row; exact. */
  float minimum(MemorySegment panel, int row, int group) {
    return 0f;
  }

  /**
   * Packs the stored blocks of one row.
   *
   * @param source memory of the blocks, one behind the other from {@code at} on
   * @param panel the panel, from its first byte
   * @param columns of the row
   * @param row the row inside the panel
   * @return the first block with a scale that is infinite or NaN; -1 if there is none
   */
  abstract int packRow(MemorySegment source, long at, MemorySegment panel, int columns, int row);

  /** The integers that are multiplied, of the columns of a row. */
  final void unpackIntegers(MemorySegment panel, int row, int[] into) {
    for (int column = 0; column < into.length; column += 4) {
      int four = storedQuants(panel, into.length, row, column);
      for (int i = 0; i < 4; i++) {
        into[column + i] = integer(four, i);
      }
    }
  }

  /** Of four stored quants, that of a column as the integer that is multiplied. */
  private int integer(int stored, int column) {
    return integer(stored >>> (column % 4 * Byte.SIZE) & 0xff);
  }

  /** What a stored quant stands for: the quant with the offset taken off. */
  int integer(int stored) {
    return stored - offset();
  }

  /** Those of four columns, of which this is one, a byte for each. */
  private int storedQuants(MemorySegment panel, int columns, int row, int column) {
    long base = headerBytes(columns) + (long) (column / BLOCK) * quantBytes() + row * 4L;
    int group = column % BLOCK / 4;
    if (bits == 8) {
      return panel.get(STORED_INT, base + group * GROUP_BYTES);
    }
    int pairs = panel.get(STORED_INT, base + group % 4 * GROUP_BYTES);
    int lower = pairs >>> (group / 4 * 4) & 0x0f0f_0f0f;
    long upperAt = base + NIBBLE_BYTES;
    return switch (bits) {
      case 5 -> lower | (panel.get(STORED_INT, upperAt) >>> group & 0x0101_0101) << 4;
      case 6 -> {
        int upper = panel.get(STORED_INT, upperAt + group / 4 * GROUP_BYTES);
        yield lower | (upper >>> (group % 4 * 2) & 0x0303_0303) << 4;
      }
      default -> lower;
    };
  }

  /** The weights of a row, {@code scale * quant - minimum}, as f32. */
  final void unpackRow(MemorySegment panel, int row, float[] into) {
    for (int from = 0; from < into.length; from += groupColumns()) {
      float scale = scale(panel, row, from / groupColumns());
      float minimum = minimum(panel, row, from / groupColumns());
      for (int column = from; column < from + groupColumns(); column += 4) {
        int four = storedQuants(panel, into.length, row, column);
        for (int i = 0; i < 4; i++) {
          into[column + i] = scale * integer(four, i) - minimum;
        }
      }
    }
  }

  /** Copies a binary16 and says whether it is finite. */
  static boolean copyHalf(MemorySegment source, long from, MemorySegment panel, long to) {
    short half = source.get(STORED_SHORT, from);
    panel.set(STORED_SHORT, to, half);
    return (half & 0x7c00) != 0x7c00;
  }

  static float half(MemorySegment panel, long at) {
    return Float.float16ToFloat(panel.get(STORED_SHORT, at));
  }
}
