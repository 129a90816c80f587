package dev.consilium.tensor;

import static dev.consilium.tensor.AttentionShape.BLOCK_TOKENS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;

/** Reads keys and values from cache blocks, widened to f32. */
final class CacheElements {
  private CacheElements() {}

  /**
   * Reads a key.
   *
   * @param at where the keys of the head start
   */
  static void readKey(AttentionShape shape, MemorySegment pool, long at, int slot, float[] into) {
    for (int d = 0; d < into.length; d++) {
      int scale = d / KvDType.GROUP * BLOCK_TOKENS + slot;
      into[d] = element(shape, pool, at, d * BLOCK_TOKENS + slot, scale);
    }
  }

  /**
   * Reads a value.
   *
   * @param at where the values of the head start, or the keys whose beginnings they are
   */
  static void readValue(AttentionShape shape, MemorySegment pool, long at, int slot, float[] into) {
    if (shape.keyPrefix()) {
      readKey(shape, pool, at, slot, into);
      return;
    }
    for (int d = 0; d < into.length; d++) {
      int scale = slot * shape.groups() + d / KvDType.GROUP;
      into[d] = element(shape, pool, at, slot * shape.paddedValueDim() + d, scale);
    }
  }

  private static float element(
      AttentionShape shape, MemorySegment pool, long at, int index, int scale) {
    return switch (shape.dtype()) {
      case F32 -> ScalarKernels.get(pool, at, index);
      case F16 -> Float.float16ToFloat(pool.get(JAVA_SHORT, at + index * 2L));
      case BF16 -> Bf16.toFloat(pool.get(JAVA_SHORT, at + index * 2L));
      case Q8_0 ->
          pool.get(JAVA_BYTE, at + shape.scaleBytes() + index) * ScalarKernels.get(pool, at, scale);
    };
  }
}
