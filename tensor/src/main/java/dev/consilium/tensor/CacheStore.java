package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;

/** Writes keys and values into a cache block. No arithmetic, so there is one version only. */
final class CacheStore {
  private CacheStore() {}

  static void store(
      AttentionShape shape,
      KvBlocks cache,
      int position,
      MemorySegment key,
      long keyOffset,
      MemorySegment value,
      long valueOffset) {
    if (position < 0) {
      throw new IllegalArgumentException("position " + position + "; expected >= 0");
    }
    long block = cache.offset(position / AttentionShape.BLOCK_TOKENS);
    int slot = position % AttentionShape.BLOCK_TOKENS;
    long headBytes = (long) shape.headDim() * Float.BYTES;
    for (int head = 0; head < shape.kvHeads(); head++) {
      long keys = block + shape.keyOffset(head) + (long) slot * Float.BYTES;
      scatter(key, keyOffset + head * headBytes, shape.headDim(), cache.pool(), keys);
      long values =
          block + shape.valueOffset(head) + (long) slot * shape.paddedHeadDim() * Float.BYTES;
      MemorySegment.copy(value, valueOffset + head * headBytes, cache.pool(), values, headBytes);
    }
  }

  private static void scatter(
      MemorySegment from, long fromOffset, int n, MemorySegment into, long intoOffset) {
    for (int d = 0; d < n; d++) {
      float element = ScalarKernels.get(from, fromOffset, d);
      ScalarKernels.set(into, intoOffset, d * AttentionShape.BLOCK_TOKENS, element);
    }
  }
}
