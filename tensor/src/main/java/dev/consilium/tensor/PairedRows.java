package dev.consilium.tensor;

/** Which rows of a panel the 16-bit pairs hold, as {@link PackedMatrix} lays them out. */
final class PairedRows {
  private PairedRows() {}

  /** The row in the lower half of a pair; the row 16 further is in its upper half. */
  static int ofPair(int pair) {
    return pair / 16 * 32 + pair % 16;
  }
}
