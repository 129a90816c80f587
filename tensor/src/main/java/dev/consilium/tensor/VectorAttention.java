package dev.consilium.tensor;

import static dev.consilium.tensor.AttentionShape.BLOCK_TOKENS;
import static dev.consilium.tensor.Lanes.BYTES;
import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Attention on vectors, as {@link Kernels#attend} defines it: keys in lanes for the scores,
 * elements of the head in lanes for the outputs.
 *
 * <p>All query heads use a block before the next block is read, so that keys and values come from
 * memory once. Each thread keeps one instance, with memory for the running state of the heads: per
 * head the scores of a block [16], the lanes of the sum [16] and the output [padded head
 * dimension].
 */
final class VectorAttention {
  private static final ThreadLocal<VectorAttention> OF_THREAD =
      ThreadLocal.withInitial(VectorAttention::new);
  private static final long BLOCK_BYTES = BLOCK_TOKENS * 4L;
  private static final long SUMS = BLOCK_BYTES;
  private static final long OUTPUT = 2 * BLOCK_BYTES;

  private MemorySegment state = MemorySegment.NULL;
  private float[] maxima = {};

  private VectorAttention() {}

  static void attend(
      AttentionShape shape,
      MemorySegment query,
      long queryOffset,
      KvBlocks cache,
      int kvHead,
      int firstKey,
      int endKey,
      MemorySegment out,
      long outOffset) {
    VectorAttention attention = OF_THREAD.get();
    attention.start(shape);
    for (int block = firstKey / BLOCK_TOKENS; block * BLOCK_TOKENS < endKey; block++) {
      int from = Math.max(firstKey - block * BLOCK_TOKENS, 0);
      int to = Math.min(endKey - block * BLOCK_TOKENS, BLOCK_TOKENS);
      long keys = cache.offset(block) + shape.keyOffset(kvHead);
      long values = cache.offset(block) + shape.valueOffset(kvHead);
      for (int head = 0; head < shape.headsPerKvHead(); head++) {
        long queryAt = queryOffset + head * (shape.headDim() * 4L);
        attention.score(shape, query, queryAt, cache.pool(), keys, head);
        attention.weigh(shape, head, from, to);
        attention.addValues(shape, cache.pool(), values, head, from, to);
      }
    }
    attention.finish(shape, out, outOffset);
  }

  private static long headBytes(AttentionShape shape) {
    return OUTPUT + shape.paddedHeadDim() * 4L;
  }

  private void start(AttentionShape shape) {
    int heads = shape.headsPerKvHead();
    long bytes = heads * headBytes(shape);
    if (state.byteSize() < bytes) {
      state = Arena.ofAuto().allocate(bytes, F32Matrix.ALIGNMENT);
    }
    state.asSlice(0, bytes).fill((byte) 0);
    if (maxima.length < heads) {
      maxima = new float[heads];
    }
    Arrays.fill(maxima, Float.NEGATIVE_INFINITY);
  }

  /** The scores of all 16 slots of a block, of which some may be rubbish. */
  private void score(
      AttentionShape shape,
      MemorySegment query,
      long queryAt,
      MemorySegment pool,
      long keys,
      int head) {
    long scores = head * headBytes(shape);
    for (int part = 0; part < BLOCK_TOKENS; part += COUNT) {
      scoreLanes(
          query,
          queryAt,
          shape.headDim(),
          pool,
          keys + part * 4L,
          shape.scale(),
          state,
          scores + part * 4L);
    }
  }

  private static void scoreLanes(
      MemorySegment query,
      long queryAt,
      int headDim,
      MemorySegment pool,
      long keys,
      float scale,
      MemorySegment into,
      long intoAt) {
    FloatVector c0 = FloatVector.zero(FLOATS);
    FloatVector c1 = c0;
    FloatVector c2 = c0;
    FloatVector c3 = c0;
    int bound = headDim - headDim % 4;
    for (int d = 0; d < bound; d += 4) {
      long at = keys + d * BLOCK_BYTES;
      long queryD = queryAt + d * 4L;
      FloatVector k0 = FloatVector.fromMemorySegment(FLOATS, pool, at, ORDER);
      FloatVector k1 = FloatVector.fromMemorySegment(FLOATS, pool, at + BLOCK_BYTES, ORDER);
      FloatVector k2 = FloatVector.fromMemorySegment(FLOATS, pool, at + 2 * BLOCK_BYTES, ORDER);
      FloatVector k3 = FloatVector.fromMemorySegment(FLOATS, pool, at + 3 * BLOCK_BYTES, ORDER);
      c0 = k0.fma(FloatVector.broadcast(FLOATS, query.get(JAVA_FLOAT, queryD)), c0);
      c1 = k1.fma(FloatVector.broadcast(FLOATS, query.get(JAVA_FLOAT, queryD + 4)), c1);
      c2 = k2.fma(FloatVector.broadcast(FLOATS, query.get(JAVA_FLOAT, queryD + 8)), c2);
      c3 = k3.fma(FloatVector.broadcast(FLOATS, query.get(JAVA_FLOAT, queryD + 12)), c3);
    }
    if (bound < headDim) {
      FloatVector k0 =
          FloatVector.fromMemorySegment(FLOATS, pool, keys + bound * BLOCK_BYTES, ORDER);
      c0 = k0.fma(FloatVector.broadcast(FLOATS, query.get(JAVA_FLOAT, queryAt + bound * 4L)), c0);
    }
    if (bound + 1 < headDim) {
      int d = bound + 1;
      FloatVector k1 = FloatVector.fromMemorySegment(FLOATS, pool, keys + d * BLOCK_BYTES, ORDER);
      c1 = k1.fma(FloatVector.broadcast(FLOATS, query.get(JAVA_FLOAT, queryAt + d * 4L)), c1);
    }
    if (bound + 2 < headDim) {
      int d = bound + 2;
      FloatVector k2 = FloatVector.fromMemorySegment(FLOATS, pool, keys + d * BLOCK_BYTES, ORDER);
      c2 = k2.fma(FloatVector.broadcast(FLOATS, query.get(JAVA_FLOAT, queryAt + d * 4L)), c2);
    }
    c0.add(c1).add(c2.add(c3)).mul(scale).intoMemorySegment(into, intoAt, ORDER);
  }

  /**
   * Turns scores into weights, those outside the range into 0, and adds them to the sum. Where
   * e^(-infinity - maximum) is not 0 the maximum is NaN or -infinity, and the sum NaN in any case.
   */
  private void weigh(AttentionShape shape, int head, int from, int to) {
    long scores = head * headBytes(shape);
    hide(scores, 0, from);
    hide(scores, to, BLOCK_TOKENS);
    float maximum = maxima[head];
    float highest = Math.max(maximum, highest(state, scores));
    // Not "greater": a maximum that became NaN must reach the result.
    if (highest != maximum) {
      float factor = Exp.exp(maximum - highest);
      multiply(state, scores + SUMS, BLOCK_TOKENS + shape.paddedHeadDim(), factor);
      maxima[head] = highest;
    }
    weigh(state, scores, highest);
  }

  private void hide(long scores, int from, int to) {
    for (int slot = from; slot < to; slot++) {
      ScalarKernels.set(state, scores, slot, Float.NEGATIVE_INFINITY);
    }
  }

  private static float highest(MemorySegment state, long scores) {
    FloatVector highest = FloatVector.fromMemorySegment(FLOATS, state, scores, ORDER);
    for (int part = COUNT; part < BLOCK_TOKENS; part += COUNT) {
      highest =
          highest.max(FloatVector.fromMemorySegment(FLOATS, state, scores + part * 4L, ORDER));
    }
    return highest.reduceLanes(VectorOperators.MAX);
  }

  private static void multiply(MemorySegment state, long at, int n, float factor) {
    for (int i = 0; i < n; i += COUNT) {
      FloatVector.fromMemorySegment(FLOATS, state, at + i * 4L, ORDER)
          .mul(factor)
          .intoMemorySegment(state, at + i * 4L, ORDER);
    }
  }

  private static void weigh(MemorySegment state, long scores, float maximum) {
    for (int part = 0; part < BLOCK_TOKENS; part += COUNT) {
      long at = scores + part * 4L;
      FloatVector weights =
          VectorExp.exp(FloatVector.fromMemorySegment(FLOATS, state, at, ORDER).sub(maximum));
      weights.intoMemorySegment(state, at, ORDER);
      FloatVector.fromMemorySegment(FLOATS, state, at + SUMS, ORDER)
          .add(weights)
          .intoMemorySegment(state, at + SUMS, ORDER);
    }
  }

  private void addValues(
      AttentionShape shape, MemorySegment pool, long values, int head, int from, int to) {
    long weights = head * headBytes(shape);
    long rowBytes = shape.paddedHeadDim() * 4L;
    long at = 0;
    for (; at + 4 * BYTES <= rowBytes; at += 4 * BYTES) {
      addFour(pool, values + at, rowBytes, from, to, state, weights, weights + OUTPUT + at);
    }
    for (; at < rowBytes; at += BYTES) {
      addOne(pool, values + at, rowBytes, from, to, state, weights, weights + OUTPUT + at);
    }
  }

  private static void addFour(
      MemorySegment pool,
      long values,
      long rowBytes,
      int from,
      int to,
      MemorySegment state,
      long weights,
      long output) {
    FloatVector o0 = FloatVector.fromMemorySegment(FLOATS, state, output, ORDER);
    FloatVector o1 = FloatVector.fromMemorySegment(FLOATS, state, output + BYTES, ORDER);
    FloatVector o2 = FloatVector.fromMemorySegment(FLOATS, state, output + 2 * BYTES, ORDER);
    FloatVector o3 = FloatVector.fromMemorySegment(FLOATS, state, output + 3 * BYTES, ORDER);
    for (int slot = from; slot < to; slot++) {
      long at = values + slot * rowBytes;
      FloatVector weight =
          FloatVector.broadcast(FLOATS, state.get(JAVA_FLOAT, weights + slot * 4L));
      o0 = FloatVector.fromMemorySegment(FLOATS, pool, at, ORDER).fma(weight, o0);
      o1 = FloatVector.fromMemorySegment(FLOATS, pool, at + BYTES, ORDER).fma(weight, o1);
      o2 = FloatVector.fromMemorySegment(FLOATS, pool, at + 2 * BYTES, ORDER).fma(weight, o2);
      o3 = FloatVector.fromMemorySegment(FLOATS, pool, at + 3 * BYTES, ORDER).fma(weight, o3);
    }
    o0.intoMemorySegment(state, output, ORDER);
    o1.intoMemorySegment(state, output + BYTES, ORDER);
    o2.intoMemorySegment(state, output + 2 * BYTES, ORDER);
    o3.intoMemorySegment(state, output + 3 * BYTES, ORDER);
  }

  private static void addOne(
      MemorySegment pool,
      long values,
      long rowBytes,
      int from,
      int to,
      MemorySegment state,
      long weights,
      long output) {
    FloatVector sum = FloatVector.fromMemorySegment(FLOATS, state, output, ORDER);
    for (int slot = from; slot < to; slot++) {
      FloatVector weight =
          FloatVector.broadcast(FLOATS, state.get(JAVA_FLOAT, weights + slot * 4L));
      sum =
          FloatVector.fromMemorySegment(FLOATS, pool, values + slot * rowBytes, ORDER)
              .fma(weight, sum);
    }
    sum.intoMemorySegment(state, output, ORDER);
  }

  private void finish(AttentionShape shape, MemorySegment out, long outOffset) {
    float[] lanes = new float[BLOCK_TOKENS];
    for (int head = 0; head < shape.headsPerKvHead(); head++) {
      long at = head * headBytes(shape);
      MemorySegment.copy(state, JAVA_FLOAT, at + SUMS, lanes, 0, BLOCK_TOKENS);
      float sum = ScalarKernels.sumOfLanes(lanes);
      long outAt = outOffset + head * (shape.headDim() * 4L);
      divide(state, at + OUTPUT, shape.headDim(), sum, out, outAt);
    }
  }

  private static void divide(
      MemorySegment from, long fromAt, int n, float divisor, MemorySegment out, long outAt) {
    int bound = FLOATS.loopBound(n);
    for (int i = 0; i < bound; i += COUNT) {
      FloatVector.fromMemorySegment(FLOATS, from, fromAt + i * 4L, ORDER)
          .div(divisor)
          .intoMemorySegment(out, outAt + i * 4L, ORDER);
    }
    for (int i = bound; i < n; i++) {
      ScalarKernels.set(out, outAt, i, ScalarKernels.get(from, fromAt, i) / divisor);
    }
  }
}
