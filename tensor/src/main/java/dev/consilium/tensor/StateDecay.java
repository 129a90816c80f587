package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;

/** What the elements of a state are multiplied by before a token is written, 0 to 1. */
public sealed interface StateDecay {

  /**
   * A factor for each row.
   *
   * @param memory that holds them
   * @param at where that of row 0 lies, in bytes
   * @param rowBytes from one to the next; 0: all rows have the same
   */
  record Factors(MemorySegment memory, long at, long rowBytes) implements StateDecay {}

  /**
   * {@code e^(rate[i][j] step[j])} for row i and column j.
   *
   * @param rates negative, {@code [keyDim, valueDim]}
   * @param at where that of row 0 and the first column lies, in bytes
   * @param rowBytes from one row of them to the next
   * @param steps that holds a step of each column
   * @param stepsAt where that of the first column lies, in bytes
   */
  record Rates(MemorySegment rates, long at, long rowBytes, MemorySegment steps, long stepsAt)
      implements StateDecay {}
}
