package dev.consilium.router.kvcache;

import dev.consilium.tensor.LargeMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A bounded pool of what sequences are kept as, allocated once: blocks and states.
 *
 * <p>A block holds the keys and values of {@value #BLOCK_TOKENS} consecutive tokens of one
 * sequence, for all layers that keep every token, or for all that keep a window; a state holds what
 * the recurrent layers know of one sequence, however long it is. Owned by the engine's thread.
 */
public final class KvPool implements AutoCloseable {
  /**
   * Tokens in a block. The attention kernels walk the keys in blocks of this size, at absolute
   * positions.
   */
  public static final int BLOCK_TOKENS = 16;

  private final Arena arena = Arena.ofShared();
  private final CacheLayout layout;
  private final long[] blockOffsets;
  private final BlockPool whole;
  private final BlockPool windows;
  private final long stateBytes;
  private final long[] stateOffsets;
  private final MemorySegment states;
  private final FreeList freeStates;

  /**
   * @param layout what each layer keeps
   * @param blockCount blocks in the pool, at least 1; those of windows come on top, as many as
   *     there is need for
   * @param sequences that may have something in the pool at once
   * @param stepTokens most tokens that all sequences together compute in one step
   */
  public KvPool(CacheLayout layout, int blockCount, int sequences, int stepTokens) {
    this.layout = layout;
    blockOffsets = layout.blockOffsets();
    whole = new BlockPool(arena, "blocks", layout.blockBytes(), blockCount);
    windows =
        new BlockPool(
            arena,
            "blocks of windows",
            layout.windowBlockBytes(),
            layout.windowBlocks(blockCount, sequences, stepTokens));
    stateBytes = layout.stateBytes();
    stateOffsets = layout.stateOffsets();
    states = LargeMemory.allocate(arena, Math.multiplyExact(stateBytes, (long) sequences));
    freeStates = new FreeList("states", sequences);
  }

  /** Blocks needed for {@code tokens} tokens. */
  public static int blocksFor(int tokens) {
    return Math.ceilDiv(tokens, BLOCK_TOKENS);
  }

  public int totalBlocks() {
    return whole.free().total();
  }

  public int freeBlocks() {
    return whole.free().count();
  }

  /** Free blocks of windows. */
  public int freeWindowBlocks() {
    return windows.free().count();
  }

  /** Sequences that may still begin, as far as states go. */
  public int freeStates() {
    return freeStates.count();
  }

  /** Bytes of a state; 0 if no layer has one. */
  public long stateBytes() {
    return stateBytes;
  }

  /** The widest window of a layer, in tokens; 0: no layer has one. */
  int window() {
    return layout.window();
  }

  BlockPool whole() {
    return whole;
  }

  BlockPool windows() {
    return windows;
  }

  boolean windowed(int layer) {
    return layout.windowed(layer);
  }

  /** Where the part of a layer begins, in bytes into a block. */
  long layerOffset(int layer) {
    return blockOffsets[layer];
  }

  /** The memory of a state. */
  MemorySegment state(int state) {
    return states.asSlice(state * stateBytes, stateBytes);
  }

  /** The part of a layer of the memory of a state. */
  MemorySegment state(int state, int layer) {
    long begin = stateOffsets[layer];
    return states.asSlice(state * stateBytes + begin, stateOffsets[layer + 1] - begin);
  }

  int takeState() {
    return freeStates.take();
  }

  void giveBackState(int state) {
    freeStates.giveBack(state);
  }

  @Override
  public void close() {
    arena.close();
  }
}
