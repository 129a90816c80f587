package dev.consilium.tensor;

/** The bfloat16 encoding: the upper 16 bits of a binary32. */
public final class Bf16 {
  private Bf16() {}

  /** The value of the 16 bits in the low half of {@code bits}; exact. */
  public static float toFloat(int bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** The nearest bfloat16, ties to even; NaN stays NaN, values beyond the largest give infinity. */
  public static short fromFloat(float value) {
    return (short) (Float.floatToRawIntBits(round(value)) >>> 16);
  }

  /** The nearest bfloat16, kept as a float. */
  public static float round(float value) {
    int bits = Float.floatToRawIntBits(value);
    if ((bits & 0x7fff_ffff) > 0x7f80_0000) {
      // A NaN whose payload lies in the lower half would round to infinity: make it quiet first.
      return Float.intBitsToFloat((bits | 0x0040_0000) & 0xffff_0000);
    }
    int half = 0x7fff + ((bits >>> 16) & 1);
    return Float.intBitsToFloat((bits + half) & 0xffff_0000);
  }
}
