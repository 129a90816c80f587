package dev.consilium.tensor;

/**
 * The sizes of one layer's attention, and with them the layout of a cache block: for each key/value
 * head the keys {@code [headDim][16]} (positions in lanes), then the values {@code [16][headDim
 * filled up to a multiple of 16]}, unless they are a part of the keys. In a cache of {@link
 * KvDType#Q8_0} each of the two begins with its f32 scales: {@code [groups][16]} of the keys,
 * {@code [16][groups]} of the values. Keys and values start at multiples of 64 bytes.
 *
 * @param heads query heads, a multiple of {@code kvHeads}
 * @param kvHeads key/value heads
 * @param headDim elements of a query or key, 1 to 1024
 * @param valueDim elements of a value
 * @param keyPrefix whether a value is the beginning of its key, and only keys are stored; else
 *     values are as wide as keys
 * @param scale factor on the product of query and key, usually {@code 1 / sqrt(headDim)}
 * @param dtype how keys and values are stored
 */
public record AttentionShape(
    int heads,
    int kvHeads,
    int headDim,
    int valueDim,
    boolean keyPrefix,
    float scale,
    KvDType dtype) {
  /** Positions of one cache block. */
  public static final int BLOCK_TOKENS = 16;

  private static final int ALIGNMENT = 64;

  public AttentionShape {
    if (kvHeads < 1 || heads < 1 || heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          heads + " query heads for " + kvHeads + " key/value heads; expected a positive multiple");
    }
    if (headDim < 1 || headDim > 1024) {
      throw new IllegalArgumentException("head dimension " + headDim + "; expected 1 to 1024");
    }
    if (valueDim < 1 || valueDim > headDim || (!keyPrefix && valueDim != headDim)) {
      throw new IllegalArgumentException(
          "values of %d elements for keys of %d; expected as many%s"
              .formatted(valueDim, headDim, keyPrefix ? ", or fewer" : ""));
    }
    if (!Float.isFinite(scale)) {
      throw new IllegalArgumentException("attention scale " + scale + " is not finite");
    }
  }

  /** Values of their own, as wide as keys. */
  public AttentionShape(int heads, int kvHeads, int headDim, float scale, KvDType dtype) {
    this(heads, kvHeads, headDim, headDim, false, scale, dtype);
  }

  /** One key for all heads, whose first {@code valueDim} elements are the value. */
  public static AttentionShape ofPrefixes(
      int heads, int headDim, int valueDim, float scale, KvDType dtype) {
    return new AttentionShape(heads, 1, headDim, valueDim, true, scale, dtype);
  }

  /** Query heads that share one key/value head. */
  public int headsPerKvHead() {
    return heads / kvHeads;
  }

  /** Bytes that keys and values of 16 positions of one layer take; a multiple of 64. */
  public long blockBytes() {
    return kvHeads * (keyBytes() + valueBytes());
  }

  /** The elements of a value filled up to whole vectors of 16. */
  int paddedValueDim() {
    return (valueDim + 15) / 16 * 16;
  }

  /** Scales of a token's key and head, and of its value if that is stored. */
  int groups() {
    return dtype.groups(headDim);
  }

  /** Bytes into a block at which the keys of a head start, or their scales. */
  long keyOffset(int kvHead) {
    return kvHead * (keyBytes() + valueBytes());
  }

  /**
   * Bytes into a block at which the values of a head start, or their scales: those of the keys if
   * they are a part of them.
   */
  long valueOffset(int kvHead) {
    return keyPrefix ? keyOffset(kvHead) : keyOffset(kvHead) + keyBytes();
  }

  /** Bytes of the scales in front of keys, and of values. */
  long scaleBytes() {
    return (long) BLOCK_TOKENS * groups() * Float.BYTES;
  }

  private long keyBytes() {
    return aligned(scaleBytes() + (long) BLOCK_TOKENS * headDim * dtype.elementBytes());
  }

  private long valueBytes() {
    return keyPrefix
        ? 0
        : aligned(scaleBytes() + (long) BLOCK_TOKENS * paddedValueDim() * dtype.elementBytes());
  }

  private static long aligned(long bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }
}
