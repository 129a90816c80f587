package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;

/**
 * What one token does to the state of a head, see {@link Kernels#recur}.
 *
 * @param rule what is written
 * @param decay what the state is multiplied by first
 * @param strength what the written value is multiplied by
 * @param keys that holds query and key
 * @param query where {@code keyDim} elements lie, in bytes into {@code keys}
 * @param key likewise
 * @param values that holds the value
 * @param value where the elements of the columns lie
 */
public record StateUpdate(
    Rule rule,
    StateDecay decay,
    float strength,
    MemorySegment keys,
    long query,
    long key,
    MemorySegment values,
    long value) {

  /** What is written at a key. */
  public enum Rule {
    /** The value, on top of what is there: Mamba, retention, lightning attention. */
    ADD,
    /** What brings the remembered value nearer to the value: gated delta rule. */
    CORRECT
  }
}
