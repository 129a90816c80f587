package dev.consilium.model.family;

/**
 * The last ones.
 *
 * @param keys how many, the token's own included; at least 1
 */
public record SlidingWindow(int keys) implements KeyRange {

  public SlidingWindow {
    if (keys < 1) {
      throw new IllegalArgumentException("a window of " + keys + " keys, want at least 1");
    }
  }

  @Override
  public int window() {
    return keys;
  }
}
