package dev.consilium.router.kvcache;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The blocks of one sequence in one pool, in order of position. Those at the beginning may be given
 * back when no token will see them any more.
 */
final class BlockList {
  private final BlockPool pool;
  private int[] blocks = new int[4];

  /** Where each block begins in the pool: what the layers' views share. */
  private MemorySegment offsets = Arena.ofAuto().allocate(blocks.length * 8L, 8);

  private int first;
  private int end;

  /**
   * A copy of the blocks of a list.
   *
   * @param first the index of the first
   * @param contents from there on
   */
  record Saved(int first, MemorySegment contents) {}

  BlockList(BlockPool pool) {
    this.pool = pool;
  }

  /** One behind the index of the last block. */
  int end() {
    return end;
  }

  /** Bytes into the pool's memory, per block; of blocks given back they mean nothing. */
  MemorySegment offsets() {
    return offsets;
  }

  /** Takes blocks until there are those before {@code wanted}. */
  void growTo(int wanted) {
    if (wanted > blocks.length) {
      blocks = Arrays.copyOf(blocks, Math.max(wanted, 2 * blocks.length));
      MemorySegment longer = Arena.ofAuto().allocate(blocks.length * 8L, 8);
      offsets = longer.copyFrom(offsets);
    }
    while (end < wanted) {
      int block = pool.free().take(); // may be refused: count only what we have
      offsets.setAtIndex(JAVA_LONG, end, pool.offset(block));
      blocks[end++] = block;
    }
  }

  /**
   * Gives back the blocks before {@code index}.
   *
   * @throws IllegalStateException if it wants one that was given back before
   */
  void dropBefore(int index) {
    if (index < first) {
      throw new IllegalStateException(
          "block %d of a sequence is needed again, but those before %d were given back"
              .formatted(index, first));
    }
    while (first < Math.min(index, end)) {
      pool.free().giveBack(blocks[first++]);
    }
  }

  void release() {
    while (end > first) {
      pool.free().giveBack(blocks[--end]);
    }
    first = 0;
    end = 0;
  }

  Saved save() {
    long ofBlock = pool.block(0).byteSize();
    MemorySegment contents = Arena.ofAuto().allocate((end - first) * ofBlock, 64);
    for (int i = first; i < end; i++) {
      MemorySegment.copy(
          pool.memory(), pool.offset(blocks[i]), contents, (i - first) * ofBlock, ofBlock);
    }
    return new Saved(first, contents);
  }

  /** Makes the list what {@code saved} is. */
  void restore(Saved saved) {
    long ofBlock = pool.block(0).byteSize();
    release();
    first = saved.first();
    end = first;
    growTo(first + (int) (saved.contents().byteSize() / ofBlock));
    for (int i = first; i < end; i++) {
      MemorySegment.copy(
          saved.contents(), (i - first) * ofBlock, pool.memory(), pool.offset(blocks[i]), ofBlock);
    }
  }
}
