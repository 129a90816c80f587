package dev.consilium.tensor;

import static dev.consilium.tensor.AttentionShape.BLOCK_TOKENS;
import static dev.consilium.tensor.AttentionTile.SEGMENT;
import static dev.consilium.tensor.AttentionTile.SPAN;

import java.lang.foreign.MemorySegment;

/**
 * Attention of one query head of one token to a segment of keys, as {@link Kernels#attend} defines
 * it, one number at a time. Used by one thread, once.
 */
final class ScalarAttention {
  private final AttentionShape shape;
  private final KvBlocks cache;
  private final int kvHead;
  private final float[] query;
  private final float[] output;
  private final float[] sums = new float[BLOCK_TOKENS];
  private float maximum = Float.NEGATIVE_INFINITY;

  private ScalarAttention(AttentionTile tile, int row) {
    this.shape = tile.shape();
    this.cache = tile.job().cache();
    this.kvHead = tile.kvHead() + row / tile.rowsPerKvHead();
    this.query = new float[shape.headDim()];
    this.output = new float[shape.valueDim()];
    for (int d = 0; d < query.length; d++) {
      MemorySegment queries = tile.job().query().segment();
      query[d] = ScalarKernels.get(queries, tile.queryOffset(row), d) * shape.scale();
    }
  }

  static void attend(AttentionTile tile, int segment, MemorySegment states, long at) {
    AttentionShape shape = tile.shape();
    AttentionStates.clear(shape, tile.rows(), states, at);
    for (int row = 0; row < tile.rows(); row++) {
      int first = tile.firstKey(tile.token(row), segment * SEGMENT);
      int end = tile.endKey(tile.token(row), (segment + 1) * SEGMENT);
      if (first < end) {
        ScalarAttention attention = new ScalarAttention(tile, row);
        attention.attend(first, end);
        attention.write(states, at + row * AttentionStates.rowBytes(shape));
      }
    }
  }

  private void attend(int firstKey, int endKey) {
    int from = firstKey;
    while (from < endKey) {
      int to = Math.min(endKey, (from / SPAN + 1) * SPAN);
      attendSpan(from, to);
      from = to;
    }
  }

  private void attendSpan(int from, int to) {
    float[] scores = new float[to - from];
    float highest = maximum;
    for (int i = 0; i < scores.length; i++) {
      scores[i] = score(from + i);
      highest = Math.max(highest, scores[i]);
    }
    raiseMaximum(highest);
    for (int i = 0; i < scores.length; i++) {
      float weight = Exp.exp(scores[i] - maximum);
      sums[(from + i) % BLOCK_TOKENS] += weight;
      addValue(weight, from + i);
    }
  }

  private float score(int position) {
    long keys = cache.offset(position / BLOCK_TOKENS) + shape.keyOffset(kvHead);
    float sum = 0;
    for (int d = 0; d < query.length; d++) {
      float key = CacheElements.key(shape, cache.pool(), keys, position % BLOCK_TOKENS, d);
      sum = Math.fma(key, query[d], sum);
    }
    return sum;
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

  private void addValue(float weight, int position) {
    long values = cache.offset(position / BLOCK_TOKENS) + shape.valueOffset(kvHead);
    for (int d = 0; d < output.length; d++) {
      float value = CacheElements.value(shape, cache.pool(), values, position % BLOCK_TOKENS, d);
      output[d] = Math.fma(weight, value, output[d]);
    }
  }

  private void write(MemorySegment states, long at) {
    for (int d = 0; d < output.length; d++) {
      ScalarKernels.set(states, at, d, output[d]);
    }
    for (int j = 0; j < BLOCK_TOKENS; j++) {
      ScalarKernels.set(states, at + AttentionStates.lanesOffset(shape), j, sums[j]);
    }
    ScalarKernels.set(states, at + AttentionStates.maximumOffset(shape), 0, maximum);
  }
}
