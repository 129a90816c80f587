package dev.consilium.tensor;

/**
 * The exponential function, by our own polynomial, so that every kernel on every machine gives the
 * same bits.
 *
 * <ol>
 *   <li>{@code n = round(x / ln 2)}, by adding and subtracting 1.5 * 2^23.
 *   <li>{@code r = x - n ln 2}, with ln 2 in two parts (Cody and Waite), so |r| <= 0.35.
 *   <li>{@code e^r = 1 + r + r^2 q(r)}, q of degree 4 fitted to the smallest largest relative error
 *       (5e-9).
 *   <li>{@code e^x = 2^n e^r}, by adding n to the exponent bits.
 * </ol>
 *
 * Results below the smallest normal float (x < -87.33654) are exactly 0: subnormal arithmetic is
 * slow and no softmax can tell. Above 88.722839 the result is infinity. NaN gives NaN. The error is
 * below 1 ulp of the result elsewhere.
 */
public final class Exp {
  static final float LOWEST = -87.33654f;
  static final float HIGHEST = 88.72283f;
  static final float LOG2_E = 0x1.715476p0f;
  static final float ROUNDER = 0x1.8p23f;
  static final float LN2_HIGH = 0x1.62e43p-1f;
  static final float LN2_LOW = -0x1.05c61p-29f;
  static final float C6 = 0x1.6a1a72p-10f;
  static final float C5 = 0x1.123fc6p-7f;
  static final float C4 = 0x1.555916p-5f;
  static final float C3 = 0x1.55548ap-3f;
  static final float C2 = 0x1.fffffcp-2f;

  private Exp() {}

  /** e to the power of {@code x}. */
  public static float exp(float x) {
    if (Float.isNaN(x)) {
      return Float.NaN;
    }
    if (x < LOWEST) {
      return 0f;
    }
    if (x > HIGHEST) {
      return Float.POSITIVE_INFINITY;
    }
    float rounded = Math.fma(x, LOG2_E, ROUNDER);
    float n = rounded - ROUNDER;
    float r = Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, x));
    float q = Math.fma(C6, r, C5);
    q = Math.fma(q, r, C4);
    q = Math.fma(q, r, C3);
    q = Math.fma(q, r, C2);
    float p = Math.fma(q, r * r, r) + 1f;
    return Float.intBitsToFloat(
        Float.floatToRawIntBits(p) + (Float.floatToRawIntBits(rounded) << 23));
  }

  /** {@code 1 / (1 + e^-x)}. */
  public static float sigmoid(float x) {
    return 1f / (1f + exp(-x));
  }

  /** {@code ln(1 + e^x)}, which is x above 20 as far as floats can tell. */
  public static float softplus(float x) {
    return x > 20 ? x : (float) StrictMath.log1p(exp(x));
  }

  /** {@code x / (1 + e^-x)}, the activation of gated feed-forward layers. */
  public static float silu(float x) {
    return x / (1f + exp(-x));
  }
}
