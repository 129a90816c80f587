package dev.consilium.model.family;

/** Which two values of a head make a pair that is turned together. */
public enum RotaryPairing {
  /** Value {@code i} and value {@code i + rotaryDim / 2}. */
  HALVES,
  /** Value {@code 2 i} and value {@code 2 i + 1}. */
  NEIGHBOURS
}
