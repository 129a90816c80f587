package dev.consilium.tensor;

import static dev.consilium.tensor.AttentionShape.BLOCK_TOKENS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;

/**
 * Writes keys and values into cache blocks, as {@link Kernels#storeKeyValue} defines it. The
 * kernels in Java share this one version: it is a small part of a step.
 */
final class CacheStore {
  /** A scale of at most a 127th of this times 127 is finite, however it is rounded. */
  private static final float LARGEST = 0x1.fffffp127f;

  /** Below it 127 / m would be infinite. */
  private static final float SMALLEST = 0x1p-119f;

  private final AttentionShape shape;
  private final MemorySegment pool;
  private final float[] row;

  private CacheStore(AttentionShape shape, MemorySegment pool) {
    this.shape = shape;
    this.pool = pool;
    this.row = new float[shape.headDim()];
  }

  static void store(
      AttentionShape shape,
      KvBlocks cache,
      int position,
      int tokens,
      MemorySegment source,
      long keysAt,
      long valuesAt,
      long strideBytes) {
    checkPositions(position, tokens);
    CacheStore store = new CacheStore(shape, cache.pool());
    for (int token = 0; token < tokens; token++) {
      long block = cache.offset((position + token) / BLOCK_TOKENS);
      int slot = (position + token) % BLOCK_TOKENS;
      long skip = token * strideBytes;
      for (int head = 0; head < shape.kvHeads(); head++) {
        long headAt = skip + (long) head * shape.headDim() * Float.BYTES;
        MemorySegment.copy(source, JAVA_FLOAT, keysAt + headAt, store.row, 0, shape.headDim());
        store.storeKey(block + shape.keyOffset(head), slot);
        if (!shape.keyPrefix()) {
          MemorySegment.copy(source, JAVA_FLOAT, valuesAt + headAt, store.row, 0, shape.headDim());
          store.storeValue(block + shape.valueOffset(head), slot);
        }
      }
    }
  }

  static void checkPositions(int position, int tokens) {
    if (position < 0 || tokens < 0) {
      throw new IllegalArgumentException(
          tokens + " tokens at position " + position + "; expected >= 0");
    }
  }

  private void storeKey(long keys, int slot) {
    long elements = keys + shape.scaleBytes() + (long) slot * shape.dtype().elementBytes();
    store(elements, BLOCK_TOKENS, keys + slot * (long) Float.BYTES, BLOCK_TOKENS);
  }

  private void storeValue(long values, int slot) {
    long skip = (long) slot * shape.paddedValueDim() * shape.dtype().elementBytes();
    long scales = values + (long) slot * shape.groups() * Float.BYTES;
    store(values + shape.scaleBytes() + skip, 1, scales, 1);
  }

  /** Writes the row's elements, and its scales, at a distance of so many elements, and scales. */
  private void store(long at, int distance, long scalesAt, int scaleDistance) {
    switch (shape.dtype()) {
      case F32 -> {
        for (int d = 0; d < row.length; d++) {
          pool.set(JAVA_FLOAT, at + (long) d * distance * Float.BYTES, row[d]);
        }
      }
      case F16 -> {
        for (int d = 0; d < row.length; d++) {
          pool.set(JAVA_SHORT, at + (long) d * distance * Short.BYTES, f16(row[d]));
        }
      }
      case BF16 -> {
        for (int d = 0; d < row.length; d++) {
          pool.set(JAVA_SHORT, at + (long) d * distance * Short.BYTES, bf16(row[d]));
        }
      }
      case Q8_0 -> {
        for (int group = 0; group < shape.groups(); group++) {
          float scale = quantise(group * KvDType.GROUP, at, distance);
          ScalarKernels.set(pool, scalesAt, group * scaleDistance, scale);
        }
      }
    }
  }

  /** The nearest binary16, but the largest one instead of an infinity that was finite. */
  static short f16(float value) {
    short bits = Float.floatToFloat16(value);
    boolean overflow = (bits & 0x7fff) == 0x7c00 && !Float.isInfinite(value);
    return overflow ? (short) (bits - 1) : bits;
  }

  /** The nearest bfloat16, but the largest one instead of an infinity that was finite. */
  static short bf16(float value) {
    short bits = Bf16.fromFloat(value);
    boolean overflow = (bits & 0x7fff) == 0x7f80 && !Float.isInfinite(value);
    return overflow ? (short) (bits - 1) : bits;
  }

  /** Writes the quants of a group and returns its scale. */
  private float quantise(int from, long at, int distance) {
    int end = Math.min(from + KvDType.GROUP, row.length);
    float largest = 0;
    boolean finite = true;
    for (int d = from; d < end; d++) {
      largest = Math.max(largest, Math.abs(row[d]));
      finite &= Float.isFinite(row[d]);
    }
    largest = Math.min(largest, LARGEST);
    float factor = finite && largest >= SMALLEST ? 127 / largest : 0;
    for (int d = from; d < end; d++) {
      // Not rounded by conversion alone, which cuts; NaN times 0 becomes 0 there.
      byte quant = (byte) Math.rint(row[d] * factor);
      pool.set(JAVA_BYTE, at + (long) d * distance, quant);
    }
    if (!finite) {
      return Float.NaN;
    }
    return factor == 0 ? 0 : largest / 127;
  }
}
