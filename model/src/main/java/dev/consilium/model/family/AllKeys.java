package dev.consilium.model.family;

/** All of them. */
public record AllKeys() implements KeyRange {

  @Override
  public int window() {
    return Integer.MAX_VALUE;
  }
}
