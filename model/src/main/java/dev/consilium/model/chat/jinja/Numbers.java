package dev.consilium.model.chat.jinja;

import dev.consilium.model.chat.jinja.Expression.Arithmetic;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Optional;

/**
 * Python's arithmetic: integers without overflow (but bounded), true division, floor division and
 * modulo that round down.
 */
final class Numbers {

  /** Most decimal digits of an integer. */
  static final int MAX_DIGITS = 1000;

  private static final int MAX_BITS = 4096;

  private Numbers() {}

  /** The value as an integer: integers and booleans. */
  static Optional<BigInteger> integer(Value value) {
    return switch (value) {
      case Value.Int number -> Optional.of(number.value());
      case Value.Bool bool -> Optional.of(bool.value() ? BigInteger.ONE : BigInteger.ZERO);
      default -> Optional.empty();
    };
  }

  /** The value as a float, if it is a number. */
  static Optional<Double> real(Value value) {
    return value instanceof Value.Real number
        ? Optional.of(number.value())
        : integer(value).map(BigInteger::doubleValue);
  }

  static boolean isNumber(Value value) {
    return value instanceof Value.Int || value instanceof Value.Real || value instanceof Value.Bool;
  }

  /**
   * A small integer, for indexes, counts and widths; what is beyond an {@code int} becomes its
   * nearest end.
   */
  static int toInt(Run run, Value value) {
    BigInteger number =
        integer(value)
            .orElseThrow(() -> run.error("needs an integer, found " + Operators.typeName(value)));
    return number.bitLength() < 32 ? number.intValue() : number.signum() * Integer.MAX_VALUE;
  }

  static int compare(Value left, Value right) {
    if (left instanceof Value.Int a && right instanceof Value.Int b) {
      return a.value().compareTo(b.value());
    }
    double a = real(left).orElseThrow();
    double b = real(right).orElseThrow();
    boolean finite = Double.isFinite(a) && Double.isFinite(b);
    return finite ? exact(left).compareTo(exact(right)) : Double.compare(a, b);
  }

  private static BigDecimal exact(Value value) {
    return value instanceof Value.Real number
        ? new BigDecimal(number.value())
        : new BigDecimal(integer(value).orElseThrow());
  }

  /** Both are numbers. */
  static Value calculate(Run run, Arithmetic operator, Value left, Value right) {
    Optional<BigInteger> a = integer(left);
    Optional<BigInteger> b = integer(right);
    if (a.isPresent() && b.isPresent() && operator != Arithmetic.DIVIDE) {
      return integers(run, operator, a.get(), b.get());
    }
    return new Value.Real(
        reals(run, operator, real(left).orElseThrow(), real(right).orElseThrow()));
  }

  private static Value integers(Run run, Arithmetic operator, BigInteger a, BigInteger b) {
    return switch (operator) {
      case ADD -> bounded(run, a.add(b));
      case SUBTRACT -> bounded(run, a.subtract(b));
      case MULTIPLY -> bounded(run, a.multiply(b));
      case FLOOR_DIVIDE -> new Value.Int(floorDivide(run, a, b));
      case MODULO -> new Value.Int(a.subtract(floorDivide(run, a, b).multiply(b)));
      case POWER -> power(run, a, b);
      case DIVIDE, CONCATENATE -> throw new AssertionError(operator);
    };
  }

  private static Value bounded(Run run, BigInteger number) {
    if (number.bitLength() > MAX_BITS) {
      throw tooLarge(run);
    }
    return new Value.Int(number);
  }

  private static TemplateException tooLarge(Run run) {
    return run.limit("an integer has more than " + MAX_BITS + " bits");
  }

  private static BigInteger floorDivide(Run run, BigInteger a, BigInteger b) {
    if (b.signum() == 0) {
      throw run.error("division by zero");
    }
    BigInteger[] parts = a.divideAndRemainder(b);
    boolean roundedUp = parts[1].signum() != 0 && parts[1].signum() != b.signum();
    return roundedUp ? parts[0].subtract(BigInteger.ONE) : parts[0];
  }

  private static Value power(Run run, BigInteger a, BigInteger b) {
    if (b.signum() < 0) {
      return new Value.Real(Math.pow(a.doubleValue(), b.doubleValue()));
    }
    if (a.abs().bitLength() <= 1) {
      return new Value.Int(b.signum() == 0 ? BigInteger.ONE : a.pow(b.testBit(0) ? 1 : 2));
    }
    if (b.bitLength() > 12 || (long) a.bitLength() * b.intValue() > MAX_BITS) {
      throw tooLarge(run);
    }
    return new Value.Int(a.pow(b.intValue()));
  }

  private static double reals(Run run, Arithmetic operator, double a, double b) {
    boolean divides =
        operator == Arithmetic.DIVIDE
            || operator == Arithmetic.FLOOR_DIVIDE
            || operator == Arithmetic.MODULO;
    if (divides && b == 0) {
      throw run.error("division by zero");
    }
    return switch (operator) {
      case ADD -> a + b;
      case SUBTRACT -> a - b;
      case MULTIPLY -> a * b;
      case DIVIDE -> a / b;
      case FLOOR_DIVIDE -> Math.floor(a / b);
      case MODULO -> modulo(a, b);
      case POWER -> Math.pow(a, b);
      case CONCATENATE -> throw new AssertionError(operator);
    };
  }

  private static double modulo(double a, double b) {
    double remainder = a % b;
    return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
  }
}
