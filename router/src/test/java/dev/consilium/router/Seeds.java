package dev.consilium.router;

import java.util.SplittableRandom;

/** Random numbers of property tests: the seed is printed and can be given to replay a failure. */
public final class Seeds {
  private Seeds() {}

  public static SplittableRandom random() {
    long seed = Long.getLong("consilium.seed", System.nanoTime());
    System.out.println("seed " + seed + " (replay with -Dconsilium.seed=" + seed + ")");
    return new SplittableRandom(seed);
  }
}
