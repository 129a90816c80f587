package dev.consilium.router.kvcache;

import dev.consilium.tensor.KvBlocks;
import java.util.Arrays;

/**
 * The blocks that hold one sequence's keys and values, in order of position. Owned by the engine's
 * thread.
 */
public final class SequenceCache {
  private final KvPool pool;
  private int[] blocks = new int[4];
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
    }
    while (count < wanted) {
      int block = pool.take(); // may be refused: count only what we have
      blocks[count++] = block;
    }
  }

  /** Gives every block back to the pool. */
  public void release() {
    while (count > 0) {
      pool.giveBack(blocks[--count]);
    }
  }

  /** The sequence's blocks as the attention of {@code layer} sees them. */
  public KvBlocks layer(int layer) {
    long[] offsets = new long[count];
    for (int i = 0; i < count; i++) {
      offsets[i] = pool.offset(blocks[i], layer);
    }
    return new KvBlocks(pool.memory(), offsets);
  }
}
