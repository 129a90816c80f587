package dev.consilium.tensor;

/**
 * The sizes of one layer's attention, and with them the layout of a cache block: for each key/value
 * head the keys {@code [headDim][16]} (positions in lanes), then the values {@code [16][headDim
 * filled up to a multiple of 16]}. In a cache of {@link KvDType#Q8_0} each of the two begins with
 * its f32 scales: {@code [groups][16]} of the keys, {@code [16][groups]} of the values. Keys and
 * values start at multiples of 64 bytes.
 *
 * @param heads query heads, a multiple of {@code kvHeads}
 * @param kvHeads key/value heads
 * @param headDim elements of a head, 1 to 512
 * @param scale factor on the product of query and key, usually {@code 1 / sqrt(headDim)}
 * @param dtype how keys and values are stored
 */
public record AttentionShape(int heads, int kvHeads, int headDim, float scale, KvDType dtype) {
  /** Positions of one cache block. */
  public static final int BLOCK_TOKENS = 16;

  private static final int ALIGNMENT = 64;

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

  /** Bytes that keys and values of 16 positions of one layer take; a multiple of 64. */
  public long blockBytes() {
    return kvHeads * (keyBytes() + valueBytes());
  }

  /** The head dimension filled up to whole vectors of 16. */
  int paddedHeadDim() {
    return (headDim + 15) / 16 * 16;
  }

  /** Scales of a token and head. */
  int groups() {
    return dtype.groups(headDim);
  }

  /** Bytes into a block at which the keys of a head start, or their scales. */
  long keyOffset(int kvHead) {
    return kvHead * (keyBytes() + valueBytes());
  }

  /** Bytes into a block at which the values of a head start, or their scales. */
  long valueOffset(int kvHead) {
    return keyOffset(kvHead) + keyBytes();
  }

  /** Bytes of the scales in front of keys, and of values. */
  long scaleBytes() {
    return (long) BLOCK_TOKENS * groups() * Float.BYTES;
  }

  private long keyBytes() {
    return aligned(scaleBytes() + (long) BLOCK_TOKENS * headDim * dtype.elementBytes());
  }

  private long valueBytes() {
    return aligned(scaleBytes() + (long) BLOCK_TOKENS * paddedHeadDim() * dtype.elementBytes());
  }

  private static long aligned(long bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }
}
