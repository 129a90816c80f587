package dev.consilium.model.family;

/** What is done to the scores of the chosen experts. */
public enum GateRenormalisation {
  /** Taken as they are; they sum to less than 1. */
  NONE,
  /** Divided by their sum. */
  SUM
}
