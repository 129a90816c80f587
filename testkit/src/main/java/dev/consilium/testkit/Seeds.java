package dev.consilium.testkit;

import java.util.Optional;
import java.util.SplittableRandom;

/**
 * Seeds of property tests: another one in every run, printed so that a failure can be replayed with
 * {@code -Dconsilium.seed=}.
 */
public final class Seeds {

  private static final String PROPERTY = "consilium.seed";

  private Seeds() {}

  /**
   * The seed that was given, or else a random one.
   *
   * @throws IllegalArgumentException if what was given is not a whole number
   */
  public static long seed() {
    long seed =
        Optional.ofNullable(System.getProperty(PROPERTY))
            .map(Seeds::parse)
            .orElseGet(() -> new SplittableRandom().nextLong());
    System.out.println("seed " + seed + " (replay with -D" + PROPERTY + "=" + seed + ")");
    return seed;
  }

  /** Random numbers from {@link #seed}. */
  public static SplittableRandom random() {
    return new SplittableRandom(seed());
  }

  private static Long parse(String given) {
    try {
      return Long.valueOf(given);
    } catch (NumberFormatException malformed) {
      throw new IllegalArgumentException(
          PROPERTY + " is '" + given + "', expected a whole number", malformed);
    }
  }
}
