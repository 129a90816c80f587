package dev.consilium.router.kvcache;

import dev.consilium.tensor.AttentionShape;
import dev.consilium.tensor.LargeMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A bounded pool of KV cache blocks, allocated once.
 *
 * <p>A block holds the keys and values of {@value #BLOCK_TOKENS} consecutive tokens of one
 * sequence, for all layers: the layers' parts lie one behind the other. Owned by the engine's
 * thread.
 */
public final class KvPool implements AutoCloseable {
  /**
   * Tokens in a block. The attention kernels walk the keys in blocks of this size, at absolute
   * positions.
   */
  public static final int BLOCK_TOKENS = 16;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory;
  private final long[] layerOffsets;
  private final long blockBytes;
  private final int[] freeBlocks;
  private int freeCount;

  /**
   * @param shapes the attention of each layer, in order
   * @param blocks blocks in the pool, at least 1
   */
  public KvPool(List<AttentionShape> shapes, int blocks) {
    layerOffsets = new long[shapes.size()];
    long offset = 0;
    for (int layer = 0; layer < layerOffsets.length; layer++) {
      layerOffsets[layer] = offset;
      offset += shapes.get(layer).blockBytes();
    }
    blockBytes = offset;
    memory = LargeMemory.allocate(arena, byteSize(shapes, blocks));
    freeBlocks = new int[blocks];
    freeCount = blocks;
    for (int i = 0; i < blocks; i++) {
      freeBlocks[i] = blocks - 1 - i;
    }
  }

  /** Bytes of memory that a pool takes once all of its blocks have been used. */
  public static long byteSize(List<AttentionShape> shapes, int blocks) {
    long blockBytes = 0;
    for (AttentionShape shape : shapes) {
      blockBytes += shape.blockBytes();
    }
    return Math.multiplyExact(blockBytes, (long) blocks);
  }

  /** Blocks needed for {@code tokens} tokens. */
  public static int blocksFor(int tokens) {
    return Math.ceilDiv(tokens, BLOCK_TOKENS);
  }

  public int totalBlocks() {
    return freeBlocks.length;
  }

  public int freeBlocks() {
    return freeCount;
  }

  MemorySegment memory() {
    return memory;
  }

  /** Where a block begins, in bytes into {@link #memory()}. */
  long offset(int block) {
    return block * blockBytes;
  }

  /** Where the part of a layer begins, in bytes into a block. */
  long layerOffset(int layer) {
    return layerOffsets[layer];
  }

  int take() {
    if (freeCount == 0) {
      throw new IllegalStateException(
          "KV pool is empty: the scheduler planned more blocks than there are");
    }
    return freeBlocks[--freeCount];
  }

  void giveBack(int block) {
    freeBlocks[freeCount++] = block;
  }

  @Override
  public void close() {
    arena.close();
  }
}
