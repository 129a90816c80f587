package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;

/**
 * What one token does to the state of a head, see {@link Kernels#recur}.
 *
 * @param rule what is written
 * @param decay what the state is multiplied by first, 0 to 1
 * @param strength what the written value is multiplied by
 * @param memory that holds query, key and value
 * @param query where {@code keyDim} elements lie, in bytes into {@code memory}
 * @param key likewise
 * @param value where the elements of the columns lie
 */
public record StateUpdate(
    Rule rule,
    float decay,
    float strength,
    MemorySegment memory,
    long query,
    long key,
    long value) {

  /** What is written at a key. */
  public enum Rule {
    /** The value, on top of what is there: Mamba2, retention, lightning attention. */
    ADD,
    /** What brings the remembered value nearer to the value: gated delta rule. */
    CORRECT
  }
}
