package dev.consilium.tensor.quant;

import java.lang.foreign.MemorySegment;

/**
 * MXFP4, 17 bytes: an exponent byte e, then 32 numbers of 4 bits (sign, two exponent bits, one
 * fraction bit) in the order of Q4_0. Weight {@code 2^(e - 127)} times the number, one of 0, 0.5,
 * 1, 1.5, 2, 3, 4, 6.
 *
 * @see <a
 *     href="https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf">OCP
 *     Microscaling Formats, section 5.3</a>
 */
final class Mxfp4Block implements BlockFormat {
  /** Twice the numbers: integers, so the scale has to be halved. */
  private static final int[] DOUBLED = {0, 1, 2, 3, 4, 6, 8, 12};

  /** Beyond, the largest number times the scale is no longer a float. */
  private static final int LARGEST_EXPONENT = 252;

  @Override
  public int elements() {
    return 32;
  }

  @Override
  public int bytes() {
    return 17;
  }

  /** {@code 2^(e - 128)}; NaN for 255, as the specification wants. */
  private static float halfScale(int e) {
    return e == 255 ? Float.NaN : Math.scalb(1f, e - 128);
  }

  private static int doubled(int code) {
    int magnitude = DOUBLED[code & 7];
    return (code & 8) == 0 ? magnitude : -magnitude;
  }

  @Override
  public void dequantise(MemorySegment block, long at, float[] into, int from) {
    float scale = halfScale(Blocks.unsignedByte(block, at));
    for (int i = 0; i < 16; i++) {
      int pair = Blocks.unsignedByte(block, at + 1 + i);
      into[from + i] = scale * doubled(pair & 15);
      into[from + 16 + i] = scale * doubled(pair >> 4);
    }
  }

  /**
   * Tries the largest exponent with which the largest value does not saturate by more than a third,
   * as the specification says, and the next one.
   */
  @Override
  public void quantise(float[] values, int from, MemorySegment block, long at) {
    float largest = Math.abs(Blocks.furthest(values, from, 32));
    int e =
        largest == 0f ? 0 : Math.clamp(Math.getExponent(largest) - 2 + 127, 0, LARGEST_EXPONENT);
    if (largest > 0f
        && e < LARGEST_EXPONENT
        && error(values, from, e + 1) < error(values, from, e)) {
      e++;
    }
    float scale = halfScale(e);
    Blocks.setByte(block, at, e);
    for (int i = 0; i < 16; i++) {
      int low = nearest(values[from + i], scale);
      int high = nearest(values[from + 16 + i], scale);
      Blocks.setByte(block, at + 1 + i, low | (high << 4));
    }
  }

  private static double error(float[] values, int from, int e) {
    float scale = halfScale(e);
    double sum = 0;
    for (int i = from; i < from + 32; i++) {
      double difference = (double) values[i] - scale * doubled(nearest(values[i], scale));
      sum += difference * difference;
    }
    return sum;
  }

  /** The code of the nearest number; the smaller of two equally near. */
  private static int nearest(float value, float scale) {
    float magnitude = Math.abs(value);
    int best = 0;
    for (int code = 1; code < 8; code++) {
      if (Math.abs(magnitude - scale * DOUBLED[code])
          < Math.abs(magnitude - scale * DOUBLED[best])) {
        best = code;
      }
    }
    return value < 0 && best > 0 ? best | 8 : best;
  }
}
