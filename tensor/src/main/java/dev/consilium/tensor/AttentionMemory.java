package dev.consilium.tensor;

import static dev.consilium.tensor.AttentionTile.SPAN;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What a thread needs while it computes a tile. The kernels' scratch memory holds f32: the keys of
 * a span {@code [4 blocks][headDim][16]}, its values {@code [64][padded valueDim]}, weights of 16
 * rows {@code [16][64]}, and the queries, which each kernel lays out as it likes. Used by one
 * thread at a time.
 */
final class AttentionMemory {
  private static final int WEIGHT_ROWS = 16;

  private MemorySegment memory = MemorySegment.NULL;
  private long scratchBytes;
  private long stateBytes;

  /** Makes room for a tile. */
  void prepare(AttentionTile tile) {
    scratchBytes = scratchBytes(tile.shape(), tile.tokens());
    stateBytes = tile.rows() * AttentionStates.rowBytes(tile.shape());
    prepare(scratchBytes + 2 * stateBytes);
  }

  /** Makes room for anything else. */
  MemorySegment prepare(long bytes) {
    if (memory.byteSize() < bytes) {
      memory = LargeMemory.allocate(Arena.ofAuto(), bytes + bytes / 4);
    }
    return memory;
  }

  MemorySegment memory() {
    return memory;
  }

  /** Bytes into the memory of the states of one segment; scratch memory is before it. */
  long statesAt() {
    return scratchBytes;
  }

  /** Bytes into the memory of the states of the segments so far. */
  long totalAt() {
    return scratchBytes + stateBytes;
  }

  static long scratchBytes(AttentionShape shape, int tokens) {
    // Kernels fill the heads of a token up to a multiple of 4.
    long queries = tokens * ((shape.headsPerKvHead() + 3L) / 4 * 4) * shape.headDim();
    return queriesOffset(shape) + (queries * Float.BYTES + 63) / 64 * 64;
  }

  static long valuesOffset(AttentionShape shape) {
    return (long) SPAN * shape.headDim() * Float.BYTES;
  }

  static long weightsOffset(AttentionShape shape) {
    return valuesOffset(shape) + (long) SPAN * shape.paddedValueDim() * Float.BYTES;
  }

  static long queriesOffset(AttentionShape shape) {
    return weightsOffset(shape) + (long) WEIGHT_ROWS * SPAN * Float.BYTES;
  }
}
