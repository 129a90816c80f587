package dev.consilium.router.kvcache;

import dev.consilium.tensor.LargeMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A bounded pool of what sequences are kept as, allocated once: blocks and states.
 *
 * <p>A block holds the keys and values of {@value #BLOCK_TOKENS} consecutive tokens of one
 * sequence, for all layers that have any; a state holds what the recurrent layers know of one
 * sequence, however long it is. Owned by the engine's thread.
 */
public final class KvPool implements AutoCloseable {
  /**
   * Tokens in a block. The attention kernels walk the keys in blocks of this size, at absolute
   * positions.
   */
  public static final int BLOCK_TOKENS = 16;

  private final Arena arena = Arena.ofShared();
  private final long blockBytes;
  private final long[] blockOffsets;
  private final MemorySegment blocks;
  private final FreeList freeBlocks;
  private final long stateBytes;
  private final long[] stateOffsets;
  private final MemorySegment states;
  private final FreeList freeStates;

  /**
   * @param layout what each layer keeps
   * @param blockCount blocks in the pool, at least 1
   * @param stateCount sequences that may have a state at once; none is allocated for a layout
   *     without
   */
  public KvPool(CacheLayout layout, int blockCount, int stateCount) {
    blockBytes = layout.blockBytes();
    blockOffsets = layout.blockOffsets();
    blocks = LargeMemory.allocate(arena, Math.multiplyExact(blockBytes, (long) blockCount));
    freeBlocks = new FreeList("blocks", blockCount);
    stateBytes = layout.stateBytes();
    stateOffsets = layout.stateOffsets();
    states = LargeMemory.allocate(arena, Math.multiplyExact(stateBytes, (long) stateCount));
    freeStates = new FreeList("states", stateCount);
  }

  /** Blocks needed for {@code tokens} tokens. */
  public static int blocksFor(int tokens) {
    return Math.ceilDiv(tokens, BLOCK_TOKENS);
  }

  public int totalBlocks() {
    return freeBlocks.total();
  }

  public int freeBlocks() {
    return freeBlocks.count();
  }

  /** Sequences that may still begin, as far as states go. */
  public int freeStates() {
    return freeStates.count();
  }

  /** Bytes of a state; 0 if no layer has one. */
  public long stateBytes() {
    return stateBytes;
  }

  MemorySegment memory() {
    return blocks;
  }

  /** Where a block begins, in bytes into {@link #memory()}. */
  long offset(int block) {
    return block * blockBytes;
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

  int takeBlock() {
    return freeBlocks.take();
  }

  void giveBackBlock(int block) {
    freeBlocks.giveBack(block);
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
