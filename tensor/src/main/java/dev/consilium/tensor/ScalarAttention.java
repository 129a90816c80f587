package dev.consilium.tensor;

import static dev.consilium.tensor.AttentionShape.BLOCK_TOKENS;

import java.lang.foreign.MemorySegment;

/**
 * Attention of one query head, as {@link Kernels#attend} defines it, one number at a time. Used by
 * one thread, once.
 */
final class ScalarAttention {
  private final AttentionShape shape;
  private final MemorySegment query;
  private final long queryOffset;
  private final KvBlocks cache;
  private final int kvHead;
  private final float[] output;
  private final float[] sums = new float[BLOCK_TOKENS];
  private float maximum = Float.NEGATIVE_INFINITY;

  ScalarAttention(
      AttentionShape shape, MemorySegment query, long queryOffset, KvBlocks cache, int kvHead) {
    this.shape = shape;
    this.query = query;
    this.queryOffset = queryOffset;
    this.cache = cache;
    this.kvHead = kvHead;
    this.output = new float[shape.headDim()];
  }

  void attend(int firstKey, int endKey, MemorySegment out, long outOffset) {
    for (int block = firstKey / BLOCK_TOKENS; block * BLOCK_TOKENS < endKey; block++) {
      int from = Math.max(firstKey - block * BLOCK_TOKENS, 0);
      int to = Math.min(endKey - block * BLOCK_TOKENS, BLOCK_TOKENS);
      attendBlock(cache.offset(block), from, to);
    }
    float sum = ScalarKernels.sumOfLanes(sums);
    for (int d = 0; d < output.length; d++) {
      ScalarKernels.set(out, outOffset, d, output[d] / sum);
    }
  }

  private void attendBlock(long block, int from, int to) {
    float[] scores = new float[BLOCK_TOKENS];
    float highest = maximum;
    for (int j = from; j < to; j++) {
      scores[j] = score(block + shape.keyOffset(kvHead), j);
      highest = Math.max(highest, scores[j]);
    }
    raiseMaximum(highest);
    for (int j = from; j < to; j++) {
      float weight = Exp.exp(scores[j] - maximum);
      sums[j] += weight;
      addValue(weight, block + shape.valueOffset(kvHead), j);
    }
  }

  private float score(long keys, int slot) {
    float[] chains = new float[4];
    for (int d = 0; d < shape.headDim(); d++) {
      float key = ScalarKernels.get(cache.pool(), keys, d * BLOCK_TOKENS + slot);
      float element = ScalarKernels.get(query, queryOffset, d);
      chains[d % 4] = Math.fma(key, element, chains[d % 4]);
    }
    return ((chains[0] + chains[1]) + (chains[2] + chains[3])) * shape.scale();
  }

  private void raiseMaximum(float highest) {
    // Not "greater": a maximum that became NaN must reach the result.
    if (highest == maximum) {
      return;
    }
    float factor = Exp.exp(maximum - highest);
    for (int j = 0; j < BLOCK_TOKENS; j++) {
      sums[j] *= factor;
    }
    for (int d = 0; d < output.length; d++) {
      output[d] *= factor;
    }
    maximum = highest;
  }

  private void addValue(float weight, long values, int slot) {
    for (int d = 0; d < output.length; d++) {
      float value = ScalarKernels.get(cache.pool(), values, slot * shape.paddedHeadDim() + d);
      output[d] = Math.fma(weight, value, output[d]);
    }
  }
}
