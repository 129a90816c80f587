package dev.consilium.tensor;

/**
 * 32 activations as 8-bit integers, 64 bytes in the byte order of the machine, so that one cache
 * line holds all that a product needs of them. An activation is about {@code scale * q}, where
 * scale is {@code max|x| / 127}.
 *
 * <p>Stored quants of weights start at 0 ({@link QuantLayout}); what that adds to a dot product is
 * the offset times the sum of q, and is kept here ready to be added.
 *
 * <table>
 * <caption>Bytes</caption>
 * <tr><td>0 to 31</td><td>q, -127 to 127</td></tr>
 * <tr><td>32</td><td>f32 scale</td></tr>
 * <tr><td>36</td><td>f32 -(scale * sum of q): what a minimum of 1 takes off</td></tr>
 * <tr><td>40, 44, 48, 52</td><td>int: sum of q times -8, -12, -16, -128</td></tr>
 * <tr><td>56, 60</td><td>int: sum of the first and of the last 16 q times -32</td></tr>
 * </table>
 */
final class QuantBlock {
  static final int BYTES = 64;

  static final int SCALE_AT = 32;
  static final int MINIMUM_AT = 36;
  static final int OFFSETS_AT = 40;
  static final int OFFSET16_AT = 48;
  static final int HALF_OFFSETS_AT = 56;

  /** Blocks whose largest magnitude is below become zeros: its inverse would be infinite. */
  static final float LEAST = 0x1p-119f;

  private QuantBlock() {}
}
