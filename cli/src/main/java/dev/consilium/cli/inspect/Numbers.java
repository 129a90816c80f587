package dev.consilium.cli.inspect;

import java.math.BigDecimal;
import java.math.MathContext;

/** Numbers of configurations as people write them. */
final class Numbers {

  private static final MathContext DIGITS = new MathContext(6);

  private Numbers() {}

  /** {@code 10000}, {@code 2.5}, {@code 1.0E-6}: six digits, and no zeros that say nothing. */
  static String plain(double value) {
    BigDecimal rounded = new BigDecimal(value).round(DIGITS).stripTrailingZeros();
    boolean handy = rounded.signum() == 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e9);
    return handy ? rounded.toPlainString() : rounded.toString();
  }
}
