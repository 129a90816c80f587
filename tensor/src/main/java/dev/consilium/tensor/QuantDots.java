package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.INTS;
import static dev.consilium.tensor.Lanes.SHORTS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.XOR;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * The innermost loops of one token and a panel of quantised weights ({@link QuantLayout}): the
 * exact integer dot products of some blocks, {@code dots[block][row]}, or {@code dots[2 block +
 * half] [row]} for Q6_K.
 *
 * <p>A lane of 16 bits holds the columns i and i + 1 of a row: the even one is masked out or
 * shifted, the odd one shifted. Both are multiplied by activations that lie in the same order, and
 * products are added in 16 bits as long as they fit; then the two lanes of a row are added in 32.
 *
 * <p>Every method gives back a number that depends on what was read ahead; keep it, or the reads
 * may be optimised away.
 *
 * <p>Activations are ints, 16 for each block, of which int g holds columns {@code 4 g}, {@code 4 g
 * + 2} (evens) or {@code 4 g + 1}, {@code 4 g + 3} (odds).
 */
final class QuantDots {
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  private static final int ROWS = QuantLayout.ROWS;
  private static final short SIGN_BITS = (short) 0x8080;

  /**
   * How far ahead memory is read, so that it is in a cache when the vectors get there. What waits
   * for a vector fills the processor's queue long before enough reads are under way.
   */
  private static final long AHEAD = 1024;

  private QuantDots() {}

  /** Two products of 8 bits by 7 fit, as they are signed here. */
  static int ofBytes(
      MemorySegment w, long wAt, int blocks, int[] evens, int[] odds, int xAt, int[] dots) {
    long lastAt = w.byteSize() - 512;
    int touched = 0;
    for (int row = 0; row < ROWS; row += COUNT) {
      for (int b = 0; b < blocks; b++) {
        long ahead = Math.min(wAt + b * 512L + AHEAD, lastAt);
        for (int line = 0; line < 512; line += 64) {
          touched += w.get(JAVA_INT, ahead + line);
        }
        IntVector sum = IntVector.zero(INTS);
        long at = wAt + b * 512L + row * 4L;
        int x = xAt + b * 16;
        for (int g = 0; g < 8; g++) {
          ShortVector v =
              ShortVector.fromMemorySegment(SHORTS, w, at + g * 64L, ORDER)
                  .lanewise(XOR, SIGN_BITS);
          ShortVector even = IntVector.broadcast(INTS, evens[x + g]).reinterpretAsShorts();
          ShortVector odd = IntVector.broadcast(INTS, odds[x + g]).reinterpretAsShorts();
          IntVector pair =
              v.lanewise(LSHL, 8)
                  .lanewise(ASHR, 8)
                  .mul(even)
                  .add(v.lanewise(ASHR, 8).mul(odd))
                  .reinterpretAsInts();
          sum = sum.add(pair.lanewise(LSHL, 16).lanewise(ASHR, 16)).add(pair.lanewise(ASHR, 16));
        }
        sum.intoArray(dots, b * ROWS + row);
      }
    }
    return touched;
  }

  /**
   * All sixteen products of a lane fit.
   *
   * @param raw the blocks of activations as ints
   * @param offsetAt which int of a block is what the offset of the quants adds; negative: none
   */
  static int ofNibbles(
      MemorySegment w,
      long wAt,
      int blocks,
      int[] evens,
      int[] odds,
      int xAt,
      int[] raw,
      int offsetAt,
      int[] dots) {
    long lastAt = w.byteSize() - 256;
    int touched = 0;
    for (int row = 0; row < ROWS; row += COUNT) {
      for (int b = 0; b < blocks; b++) {
        long ahead = Math.min(wAt + b * 256L + AHEAD, lastAt);
        for (int line = 0; line < 256; line += 64) {
          touched += w.get(JAVA_INT, ahead + line);
        }
        ShortVector sum = ShortVector.zero(SHORTS);
        long at = wAt + b * 256L + row * 4L;
        int x = xAt + b * 16;
        for (int j = 0; j < 4; j++) {
          ShortVector v = ShortVector.fromMemorySegment(SHORTS, w, at + j * 64L, ORDER);
          ShortVector even = IntVector.broadcast(INTS, evens[x + j]).reinterpretAsShorts();
          ShortVector odd = IntVector.broadcast(INTS, odds[x + j]).reinterpretAsShorts();
          sum = sum.add(v.and((short) 15).mul(even));
          sum = sum.add(v.lanewise(LSHR, 8).and((short) 15).mul(odd));
          even = IntVector.broadcast(INTS, evens[x + j + 4]).reinterpretAsShorts();
          odd = IntVector.broadcast(INTS, odds[x + j + 4]).reinterpretAsShorts();
          sum = sum.add(v.lanewise(LSHR, 4).and((short) 15).mul(even));
          sum = sum.add(v.lanewise(LSHR, 12).mul(odd));
        }
        IntVector pair = sum.reinterpretAsInts();
        pair.lanewise(LSHL, 16)
            .lanewise(ASHR, 16)
            .add(pair.lanewise(ASHR, 16))
            .add(offsetAt < 0 ? 0 : raw[x + offsetAt])
            .intoArray(dots, b * ROWS + row);
      }
    }
    return touched;
  }

  /** Eight products fit: those of the lower halves, and those of the upper ones. */
  static int ofFiveBits(
      MemorySegment w,
      long wAt,
      int blocks,
      int[] evens,
      int[] odds,
      int xAt,
      int[] raw,
      int offsetAt,
      int[] dots) {
    long lastAt = w.byteSize() - 320;
    int touched = 0;
    for (int row = 0; row < ROWS; row += COUNT) {
      for (int b = 0; b < blocks; b++) {
        long ahead = Math.min(wAt + b * 320L + AHEAD, lastAt);
        for (int line = 0; line < 320; line += 64) {
          touched += w.get(JAVA_INT, ahead + line);
        }
        ShortVector low = ShortVector.zero(SHORTS);
        ShortVector high = ShortVector.zero(SHORTS);
        long at = wAt + b * 320L + row * 4L;
        int x = xAt + b * 16;
        ShortVector fifth = ShortVector.fromMemorySegment(SHORTS, w, at + 256, ORDER);
        for (int j = 0; j < 4; j++) {
          ShortVector v = ShortVector.fromMemorySegment(SHORTS, w, at + j * 64L, ORDER);
          ShortVector even = IntVector.broadcast(INTS, evens[x + j]).reinterpretAsShorts();
          ShortVector odd = IntVector.broadcast(INTS, odds[x + j]).reinterpretAsShorts();
          ShortVector upper = fifth.lanewise(LSHL, 4 - j).and((short) 16);
          low = low.add(v.and((short) 15).or(upper).mul(even));
          upper = fifth.lanewise(LSHR, 4 + j).and((short) 16);
          low = low.add(v.lanewise(LSHR, 8).and((short) 15).or(upper).mul(odd));
          even = IntVector.broadcast(INTS, evens[x + j + 4]).reinterpretAsShorts();
          odd = IntVector.broadcast(INTS, odds[x + j + 4]).reinterpretAsShorts();
          upper = fifth.lanewise(LSHR, j).and((short) 16);
          high = high.add(v.lanewise(LSHR, 4).and((short) 15).or(upper).mul(even));
          upper = fifth.lanewise(LSHR, 8 + j).and((short) 16);
          high = high.add(v.lanewise(LSHR, 12).or(upper).mul(odd));
        }
        IntVector pair = low.reinterpretAsInts();
        IntVector sum = pair.lanewise(LSHL, 16).lanewise(ASHR, 16).add(pair.lanewise(ASHR, 16));
        pair = high.reinterpretAsInts();
        sum.add(pair.lanewise(LSHL, 16).lanewise(ASHR, 16))
            .add(pair.lanewise(ASHR, 16))
            .add(offsetAt < 0 ? 0 : raw[x + offsetAt])
            .intoArray(dots, b * ROWS + row);
      }
    }
    return touched;
  }

  /** Four products fit: those of two groups. */
  static int ofSixBits(
      MemorySegment w,
      long wAt,
      int blocks,
      int[] evens,
      int[] odds,
      int xAt,
      int[] raw,
      int[] dots) {
    long lastAt = w.byteSize() - 384;
    int touched = 0;
    for (int row = 0; row < ROWS; row += COUNT) {
      for (int b = 0; b < blocks; b++) {
        long ahead = Math.min(wAt + b * 384L + AHEAD, lastAt);
        for (int line = 0; line < 384; line += 64) {
          touched += w.get(JAVA_INT, ahead + line);
        }
        for (int half = 0; half < 2; half++) {
          long at = wAt + b * 384L + row * 4L;
          int x = xAt + b * 16 + half * 4;
          int lower = half * 4;
          ShortVector upper =
              ShortVector.fromMemorySegment(SHORTS, w, at + 256 + half * 64L, ORDER);
          IntVector sum = IntVector.broadcast(INTS, raw[xAt + b * 16 + 14 + half]);
          for (int j = 0; j < 4; j += 2) {
            ShortVector v =
                ShortVector.fromMemorySegment(SHORTS, w, at + j * 64L, ORDER).lanewise(LSHR, lower);
            ShortVector even = IntVector.broadcast(INTS, evens[x + j]).reinterpretAsShorts();
            ShortVector odd = IntVector.broadcast(INTS, odds[x + j]).reinterpretAsShorts();
            ShortVector top = upper.lanewise(LSHL, 4).lanewise(LSHR, j + j).and((short) 48);
            ShortVector products = v.and((short) 15).or(top).mul(even);
            top = upper.lanewise(LSHR, 4 + 2 * j).and((short) 48);
            products = products.add(v.lanewise(LSHR, 8).and((short) 15).or(top).mul(odd));
            v =
                ShortVector.fromMemorySegment(SHORTS, w, at + j * 64L + 64, ORDER)
                    .lanewise(LSHR, lower);
            even = IntVector.broadcast(INTS, evens[x + j + 1]).reinterpretAsShorts();
            odd = IntVector.broadcast(INTS, odds[x + j + 1]).reinterpretAsShorts();
            top = upper.lanewise(LSHL, 4).lanewise(LSHR, 2 * j + 2).and((short) 48);
            products = products.add(v.and((short) 15).or(top).mul(even));
            top = upper.lanewise(LSHR, 6 + 2 * j).and((short) 48);
            products = products.add(v.lanewise(LSHR, 8).and((short) 15).or(top).mul(odd));
            IntVector pair = products.reinterpretAsInts();
            sum = sum.add(pair.lanewise(LSHL, 16).lanewise(ASHR, 16)).add(pair.lanewise(ASHR, 16));
          }
          sum.intoArray(dots, (2 * b + half) * ROWS + row);
        }
      }
    }
    return touched;
  }

  /** The numbers behind the codes are computed as {@link Mxfp4Layout#doubled} does. */
  static int ofCodes(
      MemorySegment w, long wAt, int blocks, int[] evens, int[] odds, int xAt, int[] dots) {
    long lastAt = w.byteSize() - 256;
    int touched = 0;
    for (int row = 0; row < ROWS; row += COUNT) {
      for (int b = 0; b < blocks; b++) {
        long ahead = Math.min(wAt + b * 256L + AHEAD, lastAt);
        for (int line = 0; line < 256; line += 64) {
          touched += w.get(JAVA_INT, ahead + line);
        }
        ShortVector sum = ShortVector.zero(SHORTS);
        long at = wAt + b * 256L + row * 4L;
        int x = xAt + b * 16;
        for (int j = 0; j < 8; j++) {
          // Group j: the lower halves of the even bytes, then of the odd ones; from 4 on the upper.
          ShortVector v =
              ShortVector.fromMemorySegment(SHORTS, w, at + j % 4 * 64L, ORDER)
                  .lanewise(LSHR, j < 4 ? 0 : 4);
          ShortVector m = v.and((short) 7);
          ShortVector sign = v.lanewise(LSHL, 12).lanewise(ASHR, 15);
          ShortVector number =
              m.max(m.lanewise(LSHL, 1).sub((short) 4)).max(m.lanewise(LSHL, 2).sub((short) 16));
          number = number.lanewise(XOR, sign).sub(sign);
          sum = sum.add(number.mul(IntVector.broadcast(INTS, evens[x + j]).reinterpretAsShorts()));
          v = v.lanewise(LSHR, 8);
          m = v.and((short) 7);
          sign = v.lanewise(LSHL, 12).lanewise(ASHR, 15);
          number =
              m.max(m.lanewise(LSHL, 1).sub((short) 4)).max(m.lanewise(LSHL, 2).sub((short) 16));
          number = number.lanewise(XOR, sign).sub(sign);
          sum = sum.add(number.mul(IntVector.broadcast(INTS, odds[x + j]).reinterpretAsShorts()));
        }
        IntVector pair = sum.reinterpretAsInts();
        pair.lanewise(LSHL, 16)
            .lanewise(ASHR, 16)
            .add(pair.lanewise(ASHR, 16))
            .intoArray(dots, b * ROWS + row);
      }
    }
    return touched;
  }
}
