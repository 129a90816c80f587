package dev.consilium.tensor;

/**
 * The sizes of one layer's attention, and with them the layout of a cache block: for each key/value
 * head the keys {@code [headDim][16]} (positions in lanes), then the values {@code [16][headDim
 * filled up to a multiple of 16]}, all f32.
 *
 * @param heads query heads, a multiple of {@code kvHeads}
 * @param kvHeads key/value heads
 * @param headDim elements of a head, 1 to 512
 * @param scale factor on the product of query and key, usually {@code 1 / sqrt(headDim)}
 */
public record AttentionShape(int heads, int kvHeads, int headDim, float scale) {
  /** Positions of one cache block. */
  public static final int BLOCK_TOKENS = 16;

  public AttentionShape {
    if (kvHeads < 1 || heads < 1 || heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          heads + " query heads for " + kvHeads + " key/value heads; expected a positive multiple");
    }
    if (headDim < 1 || headDim > 512) {
      throw new IllegalArgumentException("head dimension " + headDim + "; expected 1 to 512");
    }
    if (!Float.isFinite(scale)) {
      throw new IllegalArgumentException("attention scale " + scale + " is not finite");
    }
  }

  /** Query heads that share one key/value head. */
  public int headsPerKvHead() {
    return heads / kvHeads;
  }

  /** Floats that keys and values of 16 positions of one layer take; a multiple of 16. */
  public int blockFloats() {
    return kvHeads * kvHeadFloats();
  }

  /** The head dimension filled up to whole vectors of 16. */
  int paddedHeadDim() {
    return (headDim + 15) / 16 * 16;
  }

  private int kvHeadFloats() {
    return BLOCK_TOKENS * (headDim + paddedHeadDim());
  }

  /** Bytes into a block at which the keys of a head start. */
  long keyOffset(int kvHead) {
    return (long) kvHead * kvHeadFloats() * Float.BYTES;
  }

  /** Bytes into a block at which the values of a head start. */
  long valueOffset(int kvHead) {
    return keyOffset(kvHead) + (long) BLOCK_TOKENS * headDim * Float.BYTES;
  }

  /** Refuses a range of keys that is empty, or that the cache has no blocks for. */
  void checkKeys(KvBlocks cache, int kvHead, int firstKey, int endKey) {
    if (kvHead < 0 || kvHead >= kvHeads) {
      throw new IllegalArgumentException("key/value head " + kvHead + " of " + kvHeads);
    }
    if (firstKey < 0 || firstKey >= endKey || (endKey - 1) / BLOCK_TOKENS >= cache.count()) {
      throw new IllegalArgumentException(
          "keys %d to %d (exclusive) of a cache of %d blocks of %d positions"
              .formatted(firstKey, endKey, cache.count(), BLOCK_TOKENS));
    }
  }
}
