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
  private static final int BLOCK = 64;
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private PanelPacker() {}

  static void pack(DType dtype, RowParts source, PackedMatrix into) {
    MemorySegment[] rows = new MemorySegment[PackedMatrix.PANEL_ROWS];
    source.write(
        rows.length,
        (first, count, copy) -> {
          for (int i = 0; i < count * rows.length; i++) {
            rows[i % rows.length] = copy.asSlice(i * source.rowBytes(), source.rowBytes());
            if (i % rows.length == rows.length - 1) {
              packPanel(dtype, rows, source.columns(), into, first + i / rows.length);
            }
          }
        });
  }

  private static void packPanel(
      DType dtype, MemorySegment[] rows, int columns, PackedMatrix into, int panel) {
    for (int from = 0; from < columns; from += BLOCK) {
      int to = Math.min(from + BLOCK, columns);
      boolean finite =
          dtype == DType.F32
              ? packWords(rows, from, to, into, panel)
              : packPairs(rows, from, to, into, panel);
      if (!finite) {
        throw notFinite(dtype, rows, panel, from, to);
      }
    }
  }

  private static boolean packWords(
      MemorySegment[] rows, int from, int to, PackedMatrix into, int panel) {
    int bad = 0;
    MemorySegment target = into.segment();
    for (int i = 0; i < rows.length; i++) {
      MemorySegment row = rows[i];
      long at = panel * into.panelBytes() + into.columnsBytes(from) + (long) i * Integer.BYTES;
      for (int column = from; column < to; column++) {
        int bits = row.get(INT, (long) column * Integer.BYTES);
        // An exponent of all ones carries into the sign.
        bad |= (bits & 0x7f80_0000) + 0x0080_0000;
        target.set(JAVA_INT, at, bits);
        at += into.columnsBytes(1);
      }
    }
    return bad >= 0;
  }

  private static boolean packPairs(
      MemorySegment[] rows, int from, int to, PackedMatrix into, int panel) {
    int exponent = into.dtype() == DType.BF16 ? 0x7f80_7f80 : 0x7c00_7c00;
    // One in the lowest bit of both exponents: all ones then carry into the sign.
    int carry = into.dtype() == DType.BF16 ? 0x0080_0080 : 0x0400_0400;
    int bad = 0;
    for (int pair = 0; pair < 32; pair++) {
      int low = pair / 16 * 32 + pair % 16;
      long at = panel * into.panelBytes() + into.columnsBytes(from) + (long) pair * Integer.BYTES;
      bad |= packPair(rows[low], rows[low + 16], from, to, into.segment(), at, exponent, carry);
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

  private static IllegalArgumentException notFinite(
      DType dtype, MemorySegment[] rows, int panel, int from, int to) {
    for (int i = 0; i < rows.length; i++) {
      for (int column = from; column < to; column++) {
        float value = value(dtype, rows[i], column);
        if (!Float.isFinite(value)) {
          return new IllegalArgumentException(
              "row %d column %d is %s; expected finite %s weights"
                  .formatted(panel * PackedMatrix.PANEL_ROWS + i, column, value, dtype));
        }
      }
    }
    throw new AssertionError("no such weight in panel " + panel + ", columns from " + from);
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
