package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Where the keys and values of one sequence and one layer lie: block {@code b} holds positions
 * {@code 16 b .. 16 b + 15}.
 *
 * <p>The offsets are not copied: layers of a sequence share them, each with its own base. What a
 * block looks like inside is in {@link AttentionShape}.
 */
public final class KvBlocks {
  private final MemorySegment pool;
  private final MemorySegment offsets;
  private final int count;
  private final long base;

  /**
   * @param pool memory of all blocks, off-heap
   * @param offsets off-heap longs: bytes into the pool, per block of the sequence; with the base
   *     they must be multiples of 64
   * @param count blocks of the sequence
   * @param base bytes to add to each offset
   */
  public KvBlocks(MemorySegment pool, MemorySegment offsets, int count, long base) {
    Objects.checkFromIndexSize(0, count * 8L, offsets.byteSize());
    this.pool = pool;
    this.offsets = offsets;
    this.count = count;
    this.base = base;
  }

  /** The same with offsets in an array, which is copied. */
  public static KvBlocks of(MemorySegment pool, long... offsets) {
    MemorySegment copied = Arena.ofAuto().allocateFrom(JAVA_LONG, offsets);
    return new KvBlocks(pool, copied, offsets.length, 0);
  }

  /** What is left without the first blocks: its position 0 is position {@code 16 * blocks}. */
  public KvBlocks from(int blocks) {
    Objects.checkIndex(blocks, count);
    return new KvBlocks(pool, offsets.asSlice(blocks * 8L), count - blocks, base);
  }

  public MemorySegment pool() {
    return pool;
  }

  /** How many blocks the sequence has. */
  public int count() {
    return count;
  }

  /** Bytes into the pool at which a block starts. */
  public long offset(int block) {
    return base + offsets.getAtIndex(JAVA_LONG, Objects.checkIndex(block, count));
  }

  /** What was given: bytes into the pool, without the base. */
  MemorySegment offsets() {
    return offsets;
  }

  long base() {
    return base;
  }
}
