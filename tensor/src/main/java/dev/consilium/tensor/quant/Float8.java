package dev.consilium.tensor.quant;

/**
 * Floating point numbers of 8 bits.
 *
 * @see <a href="https://arxiv.org/abs/2209.05433">FP8 Formats for Deep Learning</a>
 */
public final class Float8 {
  private static final float[] E4M3 = new float[256];

  static {
    for (int bits = 0; bits < 256; bits++) {
      E4M3[bits] = widenE4m3(bits);
    }
  }

  private Float8() {}

  /** Sign, 4 exponent bits with bias 7, 3 fraction bits; no infinities, and one NaN per sign. */
  public static float e4m3(byte bits) {
    return E4M3[bits & 0xff];
  }

  private static float widenE4m3(int bits) {
    int exponent = (bits >> 3) & 15;
    int fraction = bits & 7;
    if (exponent == 15 && fraction == 7) {
      return Float.NaN;
    }
    // Numbers without a leading one have the exponent of the smallest that have it.
    int mantissa = exponent == 0 ? fraction : fraction | 8;
    float magnitude = Math.scalb((float) mantissa, Math.max(exponent, 1) - 7 - 3);
    return (bits & 0x80) == 0 ? magnitude : -magnitude;
  }
}
