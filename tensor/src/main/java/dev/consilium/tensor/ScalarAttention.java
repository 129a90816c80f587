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
  private final Head head;
  private final float[] query;
  private final float[] output;
  private final float[] sums = new float[BLOCK_TOKENS];
  private float maximum = Float.NEGATIVE_INFINITY;

  private ScalarAttention(AttentionTile tile, Head head, int row) {
    AttentionShape shape = tile.shape();
    this.head = head;
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
    int rows = tile.rowsPerKvHead();
    for (int from = 0; from < tile.rows(); from += rows) {
      Head head = Head.read(tile, segment, tile.kvHead() + from / rows);
      for (int row = from; row < from + rows; row++) {
        int first = tile.firstKey(tile.token(row), segment * SEGMENT);
        int end = tile.endKey(tile.token(row), (segment + 1) * SEGMENT);
        if (first < end) {
          ScalarAttention attention = new ScalarAttention(tile, head, row);
          attention.attend(first, end);
          attention.write(shape, states, at + row * AttentionStates.rowBytes(shape));
        }
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
    float[] key = head.keys[position - head.first];
    float sum = 0;
    for (int d = 0; d < query.length; d++) {
      sum = Math.fma(key[d], query[d], sum);
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
    float[] value = head.values[position - head.first];
    for (int d = 0; d < output.length; d++) {
      output[d] = Math.fma(weight, value[d], output[d]);
    }
  }

  private void write(AttentionShape shape, MemorySegment states, long at) {
    for (int d = 0; d < output.length; d++) {
      ScalarKernels.set(states, at, d, output[d]);
    }
    for (int j = 0; j < BLOCK_TOKENS; j++) {
      ScalarKernels.set(states, at + AttentionStates.lanesOffset(shape), j, sums[j]);
    }
    ScalarKernels.set(states, at + AttentionStates.maximumOffset(shape), 0, maximum);
  }

  /**
   * What the queries of a segment see of a key/value head, from the first position that any sees.
   * All rows read it, and memory is slow to look at before a JVM has compiled anything.
   */
  private static final class Head {
    final int first;
    final float[][] keys;
    final float[][] values;

    private Head(AttentionShape shape, int first, int end) {
      this.first = first;
      this.keys = new float[Math.max(0, end - first)][shape.headDim()];
      this.values = new float[keys.length][shape.valueDim()];
    }

    static Head read(AttentionTile tile, int segment, int kvHead) {
      AttentionShape shape = tile.shape();
      KvBlocks cache = tile.job().cache();
      Head head =
          new Head(
              shape,
              tile.firstKey(0, segment * SEGMENT),
              tile.endKey(tile.tokens() - 1, (segment + 1) * SEGMENT));
      for (int i = 0; i < head.keys.length; i++) {
        int slot = (head.first + i) % BLOCK_TOKENS;
        long block = cache.offset((head.first + i) / BLOCK_TOKENS);
        CacheElements.readKey(
            shape, cache.pool(), block + shape.keyOffset(kvHead), slot, head.keys[i]);
        CacheElements.readValue(
            shape, cache.pool(), block + shape.valueOffset(kvHead), slot, head.values[i]);
      }
      return head;
    }
  }
}
