package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.INTS;
import static dev.consilium.tensor.Lanes.ORDER;
import static dev.consilium.tensor.Lanes.SHORTS;
import static dev.consilium.tensor.TileMemory.ALL;
import static dev.consilium.tensor.TileMemory.PANEL_BYTES;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.XOR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * The innermost loops of one token and a panel of quantised weights ({@link QuantLayout}): they
 * take the exact integer dot products of some blocks, {@code dots[group][part][row]} in {@link
 * TileMemory#ALL} from an offset on: a group of columns with a scale of its own has as many parts
 * as {@link #parts} says. What is missing in their sum is {@link #start}.
 *
 * <p>A lane of 16 bits holds the columns i and i + 1 of a row, whole or in part. They are
 * multiplied by activations that lie in the same order, and products are added in 16 bits as long
 * as they fit; then the two lanes of a row are added in 32.
 *
 * <p>Bytes and halves of bytes are not masked out of a lane v. With {@code b} bits each, the first
 * is {@code v - 2^b (v >>> b)}, and so {@code q0 x0 + q1 x1 = v x0 + (v >>> b) (x1 - 2^b x0)}: what
 * the rest of the lane adds to one product is taken off the factor of the next. The terms are right
 * modulo 2^16 only, which is enough, for their sum fits.
 *
 * <p>All is written out, as in {@link F32Panels}: the compiler does not always inline what is
 * called here, and then makes objects of vectors. Half a block at a time, for it does not unroll a
 * loop over the groups of a whole one, nor inline the operations of eight.
 *
 * <p>Activations are ints, 16 for each block. Int g of the evens holds columns {@code 4 g} and
 * {@code 4 g + 2}, of the odds {@code 4 g + 1} and {@code 4 g + 3}; {@link #factors} says what is
 * made of them.
 */
final class QuantDots {
  private static final int ROWS = QuantLayout.ROWS;

  /** Added to the lower lane of a pair, so that it is never negative. */
  private static final int BIAS = 0x8000;

  /** Of a block of bytes. */
  static final int BYTE_FACTORS = 24;

  private QuantDots() {}

  /** Of the dot product of a group. */
  static int parts(DType dtype) {
    return switch (dtype) {
      case Q8_0, Q4_0, Q4_K -> 2;
      case Q5_0, Q5_K, Q6_K, MXFP4 -> 1;
      case F32, BF16, F16, F8_BLOCKS, F4_BLOCKS ->
          throw new IllegalArgumentException(dtype + " is not quantised");
    };
  }

  /**
   * What the dot product of a group starts from: what the offset of the quants adds, and less what
   * the parts have too much.
   *
   * @param raw the tokens' blocks as ints
   * @param at the first int of the block
   * @param group of the block
   */
  static int start(DType dtype, int[] raw, int at, int group) {
    return switch (dtype) {
      case Q8_0 -> -8 * BIAS;
      case Q4_0 -> raw[at + QuantBlock.OFFSETS_AT / 4];
      case Q5_0 -> raw[at + QuantBlock.OFFSET16_AT / 4];
      case Q6_K -> raw[at + QuantBlock.HALF_OFFSETS_AT / 4 + group];
      case Q4_K, Q5_K, MXFP4 -> 0;
      case F32, BF16, F16, F8_BLOCKS, F4_BLOCKS ->
          throw new IllegalArgumentException(dtype + " is not quantised");
    };
  }

  /**
   * What the weights are multiplied with, from activations as they are stored.
   *
   * @param raw the tokens' blocks as ints
   * @param count of ints in raw
   * @param inOrder written for bytes ({@link #BYTE_FACTORS} for each block) and halves of bytes
   *     (16): all that a block is multiplied with, in the order in which it is used, so that there
   *     is one array to look into
   * @param evens written for other types, as many as in raw
   * @param odds the same
   */
  static void factors(
      QuantLayout layout, int[] raw, int count, int[] evens, int[] odds, int[] inOrder) {
    if (layout.dtype() == DType.Q8_0) {
      factorsOfBytes(raw, count, inOrder);
    } else if (layout.bits() == 4 && layout.dtype() != DType.MXFP4) {
      factorsOfNibbles(raw, count, inOrder);
    } else {
      for (int i = 0; i < count; i++) {
        evens[i] = even(raw[i]);
        odds[i] = odd(raw[i]);
      }
    }
  }

  /**
   * Behind the factors of a lane what the offset adds to its pair of products, which fits the lane
   * only with it, and {@link #BIAS}.
   */
  private static void factorsOfBytes(int[] raw, int count, int[] inOrder) {
    int to = 0;
    for (int block = 0; block < count; block += 16) {
      for (int i = block; i < block + 8; i++) {
        int even = even(raw[i]);
        int odd = odd(raw[i]);
        inOrder[to++] = even;
        inOrder[to++] = lessTimes(256, odd, even);
        inOrder[to++] =
            pair(BIAS - 128 * ((short) even + (short) odd), -128 * ((even >> 16) + (odd >> 16)));
      }
    }
  }

  /** The halves of a byte are columns of groups j and j + 4: the evens' come first in a lane. */
  private static void factorsOfNibbles(int[] raw, int count, int[] inOrder) {
    int to = 0;
    for (int block = 0; block < count; block += 16) {
      for (int i = block; i < block + 4; i++) {
        int even = even(raw[i]);
        int odd = odd(raw[i]);
        int upperEven = even(raw[i + 4]);
        inOrder[to++] = even;
        inOrder[to++] = lessTimes(16, upperEven, even);
        inOrder[to++] = lessTimes(16, odd, upperEven);
        inOrder[to++] = lessTimes(16, odd(raw[i + 4]), odd);
      }
    }
  }

  private static int even(int fourBytes) {
    return pair(fourBytes << 24 >> 24, fourBytes << 8 >> 24);
  }

  private static int odd(int fourBytes) {
    return pair(fourBytes << 16 >> 24, fourBytes >> 24);
  }

  private static int pair(int low, int high) {
    return (low & 0xffff) | high << 16;
  }

  /** The pairs {@code a - factor b}. */
  private static int lessTimes(int factor, int a, int b) {
    return pair((short) a - factor * (short) b, (a >> 16) - factor * (b >> 16));
  }

  /**
   * Two products of 8 bits by 7 fit, as they are signed with their bias. The lower lane of a row's
   * two, never negative, and 2^16 times the upper one are added as one integer; less 65535 times
   * the upper lanes alone that is the sum of both, with a {@link #BIAS} for each group.
   */
  static void ofBytes(MemorySegment w, long wAt, int blocks, int[] factors, int xAt, long dots) {
    for (int row = 0; row < ROWS; row += COUNT) {
      for (int half = 0; half < 2 * blocks; half++) {
        long at = wAt + half * 256L + row * 4L;
        int x = xAt + half * (BYTE_FACTORS / 2);
        ShortVector even = IntVector.broadcast(INTS, factors[x]).reinterpretAsShorts();
        ShortVector odd = IntVector.broadcast(INTS, factors[x + 1]).reinterpretAsShorts();
        ShortVector bias = IntVector.broadcast(INTS, factors[x + 2]).reinterpretAsShorts();
        ShortVector v = ShortVector.fromMemorySegment(SHORTS, w, at, ORDER);
        IntVector pair =
            v.mul(even).add(v.lanewise(LSHR, 8).mul(odd)).add(bias).reinterpretAsInts();
        IntVector all = pair;
        IntVector upper = pair.lanewise(ASHR, 16);
        even = IntVector.broadcast(INTS, factors[x + 3]).reinterpretAsShorts();
        odd = IntVector.broadcast(INTS, factors[x + 4]).reinterpretAsShorts();
        bias = IntVector.broadcast(INTS, factors[x + 5]).reinterpretAsShorts();
        v = ShortVector.fromMemorySegment(SHORTS, w, at + 64, ORDER);
        pair = v.mul(even).add(v.lanewise(LSHR, 8).mul(odd)).add(bias).reinterpretAsInts();
        all = all.add(pair);
        upper = upper.add(pair.lanewise(ASHR, 16));
        even = IntVector.broadcast(INTS, factors[x + 6]).reinterpretAsShorts();
        odd = IntVector.broadcast(INTS, factors[x + 7]).reinterpretAsShorts();
        bias = IntVector.broadcast(INTS, factors[x + 8]).reinterpretAsShorts();
        v = ShortVector.fromMemorySegment(SHORTS, w, at + 128, ORDER);
        pair = v.mul(even).add(v.lanewise(LSHR, 8).mul(odd)).add(bias).reinterpretAsInts();
        all = all.add(pair);
        upper = upper.add(pair.lanewise(ASHR, 16));
        even = IntVector.broadcast(INTS, factors[x + 9]).reinterpretAsShorts();
        odd = IntVector.broadcast(INTS, factors[x + 10]).reinterpretAsShorts();
        bias = IntVector.broadcast(INTS, factors[x + 11]).reinterpretAsShorts();
        v = ShortVector.fromMemorySegment(SHORTS, w, at + 192, ORDER);
        pair = v.mul(even).add(v.lanewise(LSHR, 8).mul(odd)).add(bias).reinterpretAsInts();
        all = all.add(pair);
        upper = upper.add(pair.lanewise(ASHR, 16));
        all.sub(upper.mul(65535))
            .intoMemorySegment(ALL, dots + half * PANEL_BYTES + row * 4L, ORDER);
      }
    }
  }

  /** The eight products of half a block fit a lane. */
  static void ofNibbles(MemorySegment w, long wAt, int blocks, int[] factors, int xAt, long dots) {
    for (int row = 0; row < ROWS; row += COUNT) {
      for (int half = 0; half < 2 * blocks; half++) {
        long at = wAt + half * 128L + row * 4L;
        int x = xAt + half * 8;
        ShortVector v = ShortVector.fromMemorySegment(SHORTS, w, at, ORDER);
        ShortVector factor = IntVector.broadcast(INTS, factors[x]).reinterpretAsShorts();
        ShortVector sum = v.mul(factor);
        factor = IntVector.broadcast(INTS, factors[x + 1]).reinterpretAsShorts();
        sum = sum.add(v.lanewise(LSHR, 4).mul(factor));
        factor = IntVector.broadcast(INTS, factors[x + 2]).reinterpretAsShorts();
        sum = sum.add(v.lanewise(LSHR, 8).mul(factor));
        factor = IntVector.broadcast(INTS, factors[x + 3]).reinterpretAsShorts();
        sum = sum.add(v.lanewise(LSHR, 12).mul(factor));
        v = ShortVector.fromMemorySegment(SHORTS, w, at + 64, ORDER);
        factor = IntVector.broadcast(INTS, factors[x + 4]).reinterpretAsShorts();
        sum = sum.add(v.mul(factor));
        factor = IntVector.broadcast(INTS, factors[x + 5]).reinterpretAsShorts();
        sum = sum.add(v.lanewise(LSHR, 4).mul(factor));
        factor = IntVector.broadcast(INTS, factors[x + 6]).reinterpretAsShorts();
        sum = sum.add(v.lanewise(LSHR, 8).mul(factor));
        factor = IntVector.broadcast(INTS, factors[x + 7]).reinterpretAsShorts();
        sum = sum.add(v.lanewise(LSHR, 12).mul(factor));
        IntVector pair = sum.reinterpretAsInts();
        pair.lanewise(LSHL, 16)
            .lanewise(ASHR, 16)
            .add(pair.lanewise(ASHR, 16))
            .intoMemorySegment(ALL, dots + half * PANEL_BYTES + row * 4L, ORDER);
      }
    }
  }

  /** Eight products fit: those of the lower halves, and those of the upper ones. */
  static void ofFiveBits(
      MemorySegment w, long wAt, int blocks, int[] evens, int[] odds, int xAt, long dots) {
    for (int row = 0; row < ROWS; row += COUNT) {
      for (int b = 0; b < blocks; b++) {
        ShortVector low = ShortVector.zero(SHORTS);
        ShortVector high = ShortVector.zero(SHORTS);
        long at = wAt + b * 320L + row * 4L;
        long to = dots + b * PANEL_BYTES + row * 4L;
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
            .intoMemorySegment(ALL, to, ORDER);
      }
    }
  }

  /** Four products fit: those of two groups. */
  static void ofSixBits(
      MemorySegment w, long wAt, int blocks, int[] evens, int[] odds, int xAt, long dots) {
    for (int row = 0; row < ROWS; row += COUNT) {
      for (int b = 0; b < blocks; b++) {
        for (int half = 0; half < 2; half++) {
          long at = wAt + b * 384L + row * 4L;
          long to = dots + (2 * b + half) * PANEL_BYTES + row * 4L;
          int x = xAt + b * 16 + half * 4;
          int lower = half * 4;
          ShortVector upper =
              ShortVector.fromMemorySegment(SHORTS, w, at + 256 + half * 64L, ORDER);
          IntVector sum = IntVector.zero(INTS);
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
          sum.intoMemorySegment(ALL, to, ORDER);
        }
      }
    }
  }

  /** The numbers behind the codes are computed as {@link Mxfp4Layout#doubled} does. */
  static void ofCodes(
      MemorySegment w, long wAt, int blocks, int[] evens, int[] odds, int xAt, long dots) {
    for (int row = 0; row < ROWS; row += COUNT) {
      for (int b = 0; b < blocks; b++) {
        ShortVector sum = ShortVector.zero(SHORTS);
        long at = wAt + b * 256L + row * 4L;
        long to = dots + b * PANEL_BYTES + row * 4L;
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
            .intoMemorySegment(ALL, to, ORDER);
      }
    }
  }
}
