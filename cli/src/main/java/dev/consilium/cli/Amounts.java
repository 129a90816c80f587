package dev.consilium.cli;

/** Large numbers for people, with three significant digits. */
public final class Amounts {

  private static final String[] BINARY = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  private static final String[] DECIMAL = {
    "", " thousand", " million", " billion", " trillion", "e15", "e18"
  };

  private Amounts() {}

  /** {@code 1.50 MiB}. */
  public static String bytes(long bytes) {
    return bytes < 1024 ? bytes + " bytes" : scaled(bytes, 1024, BINARY, " ");
  }

  /** {@code 20.9 million}. */
  public static String count(long count) {
    return count < 1000 ? String.valueOf(count) : scaled(count, 1000, DECIMAL, "");
  }

  private static String scaled(long amount, int step, String[] units, String gap) {
    double value = amount;
    int unit = 0;
    // What would be printed as 1000 or 1024 of a unit is 1 of the next.
    while (value >= step - 0.5 && unit < units.length - 1) {
      value /= step;
      unit++;
    }
    String digits = value < 9.995 ? "%.2f" : value < 99.95 ? "%.1f" : "%.0f";
    return digits.formatted(value) + gap + units[unit];
  }
}
