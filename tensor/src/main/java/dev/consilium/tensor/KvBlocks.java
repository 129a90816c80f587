package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Where the keys and values of one sequence and one layer lie: block {@code b} holds positions
 * {@code 16 b .. 16 b + 15}.
 *
 * <p>The array of offsets is not copied, so that a sequence can build this at every step for
 * nothing. What a block looks like inside is in {@link AttentionShape}.
 */
public final class KvBlocks {
  private final MemorySegment pool;
  private final long[] offsets;

  /**
   * @param pool memory of all blocks
   * @param offsets bytes into the pool, per block of the sequence; multiples of 64 are fastest,
   *     multiples of 4 required
   */
  public KvBlocks(MemorySegment pool, long[] offsets) {
    this.pool = pool;
    this.offsets = offsets;
  }

  public MemorySegment pool() {
    return pool;
  }

  /** How many blocks the sequence has. */
  public int count() {
    return offsets.length;
  }

  /** Bytes into the pool at which a block starts. */
  public long offset(int block) {
    return offsets[Objects.checkIndex(block, offsets.length)];
  }
}
