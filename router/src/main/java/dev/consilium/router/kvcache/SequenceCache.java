package dev.consilium.router.kvcache;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.consilium.tensor.KvBlocks;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * What is kept of one sequence: blocks with keys and values in order of position, and the state of
 * the recurrent layers, if the model has any.
 *
 * <p>A state follows from all tokens up to one position and serves the next position only. It
 * begins as zeros at position 0, where the layers do not look at what the memory held before.
 *
 * <p>Owned by the engine's thread.
 */
public final class SequenceCache {
  private static final int NONE = -1;

  private final KvPool pool;
  private int[] blocks = new int[4];

  /** Where each block begins in the pool: what the layers' views share. */
  private MemorySegment offsets = Arena.ofAuto().allocate(blocks.length * 8L, 8);

  private int count;
  private int state = NONE;

  /** Tokens that the state has seen. */
  private int seen;

  /**
   * A copy of the state of a sequence, kept outside of the pool.
   *
   * @param seen tokens that it has seen
   * @param memory of all layers
   */
  public record SavedState(int seen, MemorySegment memory) {}

  public SequenceCache(KvPool pool) {
    this.pool = pool;
  }

  /** Blocks held. */
  public int blocks() {
    return count;
  }

  /** Takes blocks from the pool until {@code tokens} tokens fit, and a state with the first. */
  public void reserve(int tokens) {
    int wanted = KvPool.blocksFor(tokens);
    if (wanted > blocks.length) {
      blocks = Arrays.copyOf(blocks, Math.max(wanted, 2 * blocks.length));
      MemorySegment longer = Arena.ofAuto().allocate(blocks.length * 8L, 8);
      offsets = longer.copyFrom(offsets);
    }
    if (wanted > 0) {
      takeState();
    }
    while (count < wanted) {
      int block = pool.takeBlock(); // may be refused: count only what we have
      offsets.setAtIndex(JAVA_LONG, count, pool.offset(block));
      blocks[count++] = block;
    }
  }

  /** Gives everything back to the pool. */
  public void release() {
    while (count > 0) {
      pool.giveBackBlock(blocks[--count]);
    }
    if (state != NONE) {
      pool.giveBackState(state);
      state = NONE;
    }
    seen = 0;
  }

  /** The sequence's blocks as the attention of {@code layer} sees them, until one is added. */
  public KvBlocks layer(int layer) {
    return new KvBlocks(pool.memory(), offsets, count, pool.layerOffset(layer));
  }

  /** The state of {@code layer}, until the release; anything before position 0 is computed. */
  public MemorySegment state(int layer) {
    return pool.state(requireState(), layer);
  }

  /**
   * Notes that a pass takes the state from one position to another.
   *
   * @throws IllegalStateException if the state does not stand at {@code from}: unlike keys and
   *     values, it cannot be computed from the middle
   */
  public void pass(int from, int tokens) {
    if (pool.stateBytes() == 0) {
      return;
    }
    requireState();
    if (from != 0 && from != seen) {
      throw new IllegalStateException(
          "tokens from position %d are to be computed on a state that has seen %d tokens"
              .formatted(from, seen));
    }
    seen = from + tokens;
  }

  /** A copy of the state, for {@link #restore} of this or another sequence of the pool. */
  public SavedState save() {
    if (pool.stateBytes() == 0) {
      return new SavedState(seen, MemorySegment.NULL);
    }
    MemorySegment copy = Arena.ofAuto().allocate(pool.stateBytes(), 64);
    return new SavedState(seen, copy.copyFrom(pool.state(requireState())));
  }

  /** Takes a state from the pool unless it has one, and makes it what {@code saved} is. */
  public void restore(SavedState saved) {
    if (pool.stateBytes() > 0) {
      takeState();
      pool.state(state).copyFrom(saved.memory());
      seen = saved.seen();
    }
  }

  private void takeState() {
    if (state == NONE && pool.stateBytes() > 0) {
      state = pool.takeState();
    }
  }

  private int requireState() {
    if (state == NONE) {
      throw new IllegalStateException("the sequence has reserved nothing, so it has no state");
    }
    return state;
  }
}
