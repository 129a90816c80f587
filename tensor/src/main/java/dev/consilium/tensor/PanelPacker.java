package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Writes row-major weights of floating point in the panel order that {@link PackedMatrix} defines,
 * and refuses infinities and NaN on the way.
 *
 * <p>Works on blocks of 64 columns, whose target fits the innermost cache.
 */
final class PanelPacker {
  private static final int PANEL_ROWS = PackedMatrix.PANEL_ROWS;
  private static final int BLOCK = 64;
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private PanelPacker() {}

  static void pack(Kernels kernels, DType dtype, RowParts source, MemorySegment into) {
    int columns = source.columns();
    long panelBytes = PANEL_ROWS * source.rowBytes();
    source.write(
        PANEL_ROWS,
        (panel, count, rows) -> {
          MemorySegment written = into.asSlice(panel * panelBytes, count * panelBytes);
          int wrong = kernels.pack(dtype, rows, columns, written);
          if (wrong >= 0) {
            MemorySegment row = rows.asSlice(wrong * source.rowBytes(), source.rowBytes());
            throw notFinite(dtype, row, columns, panel * PANEL_ROWS + wrong);
          }
        });
  }

  /** As {@link Kernels#pack(DType, MemorySegment, int, MemorySegment)}. */
  static int pack(DType dtype, MemorySegment stored, int columns, MemorySegment panels) {
    long rowBytes = dtype.rowBytes(columns);
    long panelBytes = PANEL_ROWS * rowBytes;
    MemorySegment[] rows = new MemorySegment[PANEL_ROWS];
    for (int panel = 0; panel < panels.byteSize() / panelBytes; panel++) {
      for (int i = 0; i < PANEL_ROWS; i++) {
        rows[i] = stored.asSlice(panel * panelBytes + i * rowBytes, rowBytes);
      }
      if (!packPanel(dtype, rows, columns, panels.asSlice(panel * panelBytes, panelBytes))) {
        return panel * PANEL_ROWS + firstNotFinite(dtype, rows, columns);
      }
    }
    return -1;
  }

  private static boolean packPanel(
      DType dtype, MemorySegment[] rows, int columns, MemorySegment into) {
    boolean finite = true;
    for (int from = 0; from < columns; from += BLOCK) {
      int to = Math.min(from + BLOCK, columns);
      finite &=
          switch (dtype) {
            case F32 -> packWords(rows, from, to, into);
            case BF16 -> packPairs(rows, from, to, into, 0x7f80_7f80, 0x0080_0080);
            case F16 -> packPairs(rows, from, to, into, 0x7c00_7c00, 0x0400_0400);
            default -> throw new IllegalArgumentException(dtype + " has blocks");
          };
    }
    return finite;
  }

  private static boolean packWords(MemorySegment[] rows, int from, int to, MemorySegment into) {
    int bad = 0;
    for (int i = 0; i < rows.length; i++) {
      MemorySegment row = rows[i];
      long at = ((long) from * PANEL_ROWS + i) * Integer.BYTES;
      for (int column = from; column < to; column++) {
        int bits = row.get(INT, (long) column * Integer.BYTES);
        // An exponent of all ones carries into the sign.
        bad |= (bits & 0x7f80_0000) + 0x0080_0000;
        into.set(JAVA_INT, at, bits);
        at += PANEL_ROWS * Integer.BYTES;
      }
    }
    return bad >= 0;
  }

  /**
   * Two rows to an int.
   *
   * @param exponent the bits of both exponents
   * @param carry one in the lowest bit of both: all ones then carry into the sign
   */
  private static boolean packPairs(
      MemorySegment[] rows, int from, int to, MemorySegment into, int exponent, int carry) {
    int bad = 0;
    for (int pair = 0; pair < 32; pair++) {
      int low = pair / 16 * 32 + pair % 16;
      long at = (long) from * PANEL_ROWS * Short.BYTES + (long) pair * Integer.BYTES;
      bad |= packPair(rows[low], rows[low + 16], from, to, into, at, exponent, carry);
    }
    return (bad & 0x8000_8000) == 0;
  }

  private static int packPair(
      MemorySegment low,
      MemorySegment high,
      int from,
      int to,
      MemorySegment target,
      long at,
      int exponent,
      int carry) {
    int bad = 0;
    int column = from;
    for (; column + 4 <= to; column += 4) {
      long a = low.get(LONG, (long) column * Short.BYTES);
      long b = high.get(LONG, (long) column * Short.BYTES);
      int pair0 = ((int) a & 0xffff) | ((int) b << 16);
      int pair1 = ((int) a >>> 16) | ((int) b & 0xffff_0000);
      int pair2 = ((int) (a >>> 32) & 0xffff) | ((int) (b >>> 32) << 16);
      int pair3 = (int) (a >>> 48) | ((int) (b >>> 32) & 0xffff_0000);
      target.set(JAVA_INT, at, pair0);
      target.set(JAVA_INT, at + 128, pair1);
      target.set(JAVA_INT, at + 256, pair2);
      target.set(JAVA_INT, at + 384, pair3);
      bad |= ((pair0 & exponent) + carry) | ((pair1 & exponent) + carry);
      bad |= ((pair2 & exponent) + carry) | ((pair3 & exponent) + carry);
      at += 512;
    }
    for (; column < to; column++) {
      int a = low.get(SHORT, (long) column * Short.BYTES) & 0xffff;
      int b = high.get(SHORT, (long) column * Short.BYTES);
      int pair = a | (b << 16);
      target.set(JAVA_INT, at, pair);
      bad |= (pair & exponent) + carry;
      at += 128;
    }
    return bad;
  }

  private static int firstNotFinite(DType dtype, MemorySegment[] rows, int columns) {
    for (int i = 0; i < rows.length; i++) {
      if (firstNotFinite(dtype, rows[i], columns) < columns) {
        return i;
      }
    }
    throw new AssertionError("all weights are finite");
  }

  private static int firstNotFinite(DType dtype, MemorySegment row, int columns) {
    int column = 0;
    while (column < columns && Float.isFinite(value(dtype, row, column))) {
      column++;
    }
    return column;
  }

  private static IllegalArgumentException notFinite(
      DType dtype, MemorySegment row, int columns, int index) {
    int column = firstNotFinite(dtype, row, columns);
    return new IllegalArgumentException(
        "row %d column %d is %s; expected finite %s weights"
            .formatted(index, column, value(dtype, row, column), dtype));
  }

  private static float value(DType dtype, MemorySegment row, int column) {
    return switch (dtype) {
      case F32 -> Float.intBitsToFloat(row.get(INT, (long) column * Integer.BYTES));
      case BF16 -> Bf16.toFloat(row.get(SHORT, (long) column * Short.BYTES));
      case F16 -> Float.float16ToFloat(row.get(SHORT, (long) column * Short.BYTES));
      default -> throw new IllegalArgumentException(dtype + " is not a floating point type");
    };
  }
}
