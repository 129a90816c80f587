package dev.consilium.model.family;

/** What is done to the scores of the chosen experts. */
public sealed interface GateRenormalisation {

  /** Taken as they are. */
  record None() implements GateRenormalisation {}

  /**
   * Divided by {@code max(sum + epsilon, floor)}, sum being theirs.
   *
   * @param epsilon 0 or a little above
   * @param floor 0 or a little above
   */
  record BySum(float epsilon, float floor) implements GateRenormalisation {

    /** Divided by nothing but the sum. */
    public BySum() {
      this(0, 0);
    }
  }
}
