package dev.consilium.router.kvcache;

import dev.consilium.tensor.KvBlocks;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * What is kept of one sequence: blocks with keys and values in order of position, and the state of
 * the recurrent layers, if the model has any. Layers with a window keep the blocks that the next
 * token sees.
 *
 * <p>A state follows from all tokens up to one position and serves the next position only. It
 * begins as zeros at position 0, where the layers do not look at what the memory held before.
 *
 * <p>Owned by the engine's thread.
 */
public final class SequenceCache {
  private static final int NONE = -1;

  private final KvPool pool;
  private final BlockList whole;
  private final BlockList window;
  private int state = NONE;

  /** Tokens that the state has seen. */
  private int seen;

  /** A copy of what a sequence keeps that later tokens change: its state and its windows. */
  public static final class Saved {
    private final int seen;
    private final Optional<MemorySegment> state;
    private final Optional<BlockList.Saved> window;

    private Saved(int seen, Optional<MemorySegment> state, Optional<BlockList.Saved> window) {
      this.seen = seen;
      this.state = state;
      this.window = window;
    }
  }

  public SequenceCache(KvPool pool) {
    this.pool = pool;
    this.whole = new BlockList(pool.whole());
    this.window = new BlockList(pool.windows());
  }

  /** Blocks held, but for those of windows. */
  public int blocks() {
    return whole.end();
  }

  /** Makes room for {@code tokens} tokens, with a state for the first. */
  public void reserve(int tokens) {
    int blocks = KvPool.blocksFor(tokens);
    if (blocks > 0) {
      takeState();
    }
    whole.growTo(blocks);
    if (pool.window() > 0) {
      window.growTo(blocks);
    }
  }

  /**
   * Gives back what no token sees that comes behind {@code tokens} tokens, which are computed.
   *
   * @throws IllegalStateException if more were computed before: what they pushed out is lost
   */
  public void computed(int tokens) {
    if (pool.window() > 0) {
      int firstSeen = (int) Math.max(0, (long) tokens - pool.window() + 1);
      window.dropBefore(firstSeen / KvPool.BLOCK_TOKENS);
    }
  }

  /** Gives everything back to the pool. */
  public void release() {
    whole.release();
    window.release();
    if (state != NONE) {
      pool.giveBackState(state);
      state = NONE;
    }
    seen = 0;
  }

  /** The sequence's blocks as the attention of {@code layer} sees them, until one is added. */
  public KvBlocks layer(int layer) {
    BlockList blocks = pool.windowed(layer) ? window : whole;
    BlockPool memory = pool.windowed(layer) ? pool.windows() : pool.whole();
    return new KvBlocks(memory.memory(), blocks.offsets(), blocks.end(), pool.layerOffset(layer));
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

  /** A copy for {@link #restore} of this sequence, or of another one with the same tokens. */
  public Saved save() {
    return new Saved(
        seen,
        pool.stateBytes() == 0 ? Optional.empty() : Optional.of(copyOfState()),
        pool.window() == 0 ? Optional.empty() : Optional.of(window.save()));
  }

  private MemorySegment copyOfState() {
    MemorySegment copy = Arena.ofAuto().allocate(pool.stateBytes(), 64);
    return copy.copyFrom(pool.state(requireState()));
  }

  /**
   * Takes a state from the pool unless it has one, and makes it, and the windows, what they were.
   */
  public void restore(Saved saved) {
    saved.window.ifPresent(window::restore);
    saved.state.ifPresent(memory -> {
      takeState();
      pool.state(state).copyFrom(memory);
      seen = saved.seen;
    });
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
