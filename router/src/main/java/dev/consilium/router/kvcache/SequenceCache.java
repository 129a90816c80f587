package dev.consilium.router.kvcache;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.consilium.tensor.KvBlocks;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The blocks that hold one sequence's keys and values, in order of position. Owned by the engine's
 * thread.
 */
public final class SequenceCache {
  private final KvPool pool;
  private int[] blocks = new int[4];

  /** Where each block begins in the pool: what the layers' views share. */
  private MemorySegment offsets = Arena.ofAuto().allocate(blocks.length * 8L, 8);

  private int count;

  public SequenceCache(KvPool pool) {
    this.pool = pool;
  }

  /** Blocks held. */
  public int blocks() {
    return count;
  }

  /** Takes blocks from the pool until {@code tokens} tokens fit. */
  public void reserve(int tokens) {
    int wanted = KvPool.blocksFor(tokens);
    if (wanted > blocks.length) {
      blocks = Arrays.copyOf(blocks, Math.max(wanted, 2 * blocks.length));
      MemorySegment longer = Arena.ofAuto().allocate(blocks.length * 8L, 8);
      offsets = longer.copyFrom(offsets);
    }
    while (count < wanted) {
      int block = pool.take(); // may be refused: count only what we have
      offsets.setAtIndex(JAVA_LONG, count, pool.offset(block));
      blocks[count++] = block;
    }
  }

  /** Gives every block back to the pool. */
  public void release() {
    while (count > 0) {
      pool.giveBack(blocks[--count]);
    }
  }

  /** The sequence's blocks as the attention of {@code layer} sees them, until one is added. */
  public KvBlocks layer(int layer) {
    return new KvBlocks(pool.memory(), offsets, count, pool.layerOffset(layer));
  }
}
