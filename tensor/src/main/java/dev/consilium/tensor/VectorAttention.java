package dev.consilium.tensor;

import static dev.consilium.tensor.AttentionShape.BLOCK_TOKENS;
import static dev.consilium.tensor.AttentionTile.SEGMENT;
import static dev.consilium.tensor.AttentionTile.SPAN;
import static dev.consilium.tensor.Lanes.BYTES;
import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Attention of a tile to a segment of keys on vectors, as {@link Kernels#attend} defines it: keys
 * in lanes for the scores, elements of the head in lanes for the outputs.
 *
 * <ol>
 *   <li>Scale the queries and lay those of a group of up to four rows beside each other.
 *   <li>For each span of keys: widen its keys and values, unless they are f32 already; make values
 *       of keys, where they are a part of them;
 *   <li>for each group: the scores of its rows, then per row the weights, then the outputs of its
 *       rows.
 * </ol>
 *
 * Used by one thread, once.
 */
final class VectorAttention {
  private static final int GROUP = AttentionPanels.ROWS;
  private static final int BLOCKS = SPAN / BLOCK_TOKENS;
  private static final long WEIGHT_BYTES = SPAN * 4L;

  /** Of one key/value head. */
  private final AttentionTile tile;

  private final AttentionShape shape;
  private final KvBlocks cache;
  private final MemorySegment scratch;
  private final MemorySegment states;
  private final long statesAt;
  private final long rowBytes;
  private final long weights;

  /** Whether keys, and values, are copied to the scratch memory before they are used. */
  private final boolean copiesKeys;

  private final boolean copiesValues;

  /** The memory of keys and of values, and for each block of the span where they start there. */
  private final MemorySegment keyElements;

  private final MemorySegment valueElements;
  private final long[] keys = new long[BLOCKS];
  private final long[] values = new long[BLOCKS];

  private VectorAttention(
      AttentionTile tile, MemorySegment scratch, MemorySegment states, long statesAt) {
    this.tile = tile;
    this.shape = tile.shape();
    this.cache = tile.job().cache();
    this.scratch = scratch;
    this.states = states;
    this.statesAt = statesAt;
    this.rowBytes = AttentionStates.rowBytes(shape);
    this.weights = AttentionMemory.weightsOffset(shape);
    this.copiesKeys = shape.dtype() != KvDType.F32;
    this.copiesValues = copiesKeys || shape.keyPrefix();
    this.keyElements = copiesKeys ? scratch : cache.pool();
    this.valueElements = copiesValues ? scratch : cache.pool();
  }

  static void attend(
      AttentionTile tile, int segment, MemorySegment scratch, MemorySegment states, long at) {
    AttentionStates.clear(tile.shape(), tile.rows(), states, at);
    long ofKvHead = tile.rowsPerKvHead() * AttentionStates.rowBytes(tile.shape());
    for (int i = 0; i < tile.kvHeads(); i++) {
      new VectorAttention(tile.ofKvHead(i), scratch, states, at + i * ofKvHead).attend(segment);
    }
  }

  private void attend(int segment) {
    packQueries();
    int first = tile.firstKey(0, segment * SEGMENT);
    int end = tile.endKey(tile.tokens() - 1, (segment + 1) * SEGMENT);
    for (int span = first / SPAN * SPAN; span < end; span += SPAN) {
      locate(span, Math.max(first, span), Math.min(end, span + SPAN));
      attendSpan(span);
    }
  }

  /** Rows of the group that starts at a row; never of two tokens unless whole ones. */
  private int groupRows(int row) {
    int heads = shape.headsPerKvHead();
    if (heads <= GROUP) {
      return Math.min(GROUP / heads * heads, tile.rows() - row);
    }
    return Math.min(GROUP, heads - row % heads);
  }

  /** Groups in the order of rows, each {@code [headDim][4]}, zeros where there is no row. */
  private void packQueries() {
    long at = AttentionMemory.queriesOffset(shape);
    for (int row = 0; row < tile.rows(); row += groupRows(row)) {
      for (int i = 0; i < GROUP; i++) {
        packQuery(row + i, i < groupRows(row), at + i * 4L);
      }
      at += shape.headDim() * (GROUP * 4L);
    }
  }

  private void packQuery(int row, boolean exists, long at) {
    MemorySegment queries = tile.job().query().segment();
    long query = exists ? tile.queryOffset(row) : 0;
    for (int d = 0; d < shape.headDim(); d++) {
      float element = exists ? ScalarKernels.get(queries, query, d) * shape.scale() : 0;
      ScalarKernels.set(scratch, at, d * GROUP, element);
    }
  }

  /** Finds the blocks of a span that have keys; the others are given the place of the first. */
  private void locate(int span, int from, int to) {
    int first = (from - span) / BLOCK_TOKENS;
    int last = (to - 1 - span) / BLOCK_TOKENS;
    for (int i = first; i <= last; i++) {
      long block = cache.offset(span / BLOCK_TOKENS + i);
      keys[i] = block + shape.keyOffset(tile.kvHead());
      values[i] = block + shape.valueOffset(tile.kvHead());
      copy(i);
    }
    for (int i = 0; i < BLOCKS; i++) {
      if (i < first || i > last) {
        keys[i] = keys[first];
      }
    }
  }

  /** Copies what cannot be used where it is. */
  private void copy(int i) {
    long valueBytes = BLOCK_TOKENS * 4L * shape.paddedValueDim();
    long valuesAt = AttentionMemory.valuesOffset(shape) + i * valueBytes;
    if (copiesKeys) {
      long keysAt = i * (BLOCK_TOKENS * 4L * shape.headDim());
      AttentionPanels.widenKeys(shape, cache.pool(), keys[i], scratch, keysAt);
      keys[i] = keysAt;
    }
    if (shape.keyPrefix()) {
      AttentionPanels.turnKeys(shape, keyElements, keys[i], scratch, valuesAt);
      values[i] = valuesAt;
    } else if (copiesValues) {
      AttentionPanels.widenValues(shape, cache.pool(), values[i], scratch, valuesAt);
      values[i] = valuesAt;
    }
  }

  private void attendSpan(int span) {
    long query = AttentionMemory.queriesOffset(shape);
    for (int row = 0; row < tile.rows(); row += groupRows(row)) {
      attendGroup(span, row, groupRows(row), query);
      query += shape.headDim() * (GROUP * 4L);
    }
  }

  private void attendGroup(int span, int row, int rows, long query) {
    int from = tile.firstKey(tile.token(row), span);
    int to = tile.endKey(tile.token(row + rows - 1), span + SPAN);
    if (from >= to) {
      return;
    }
    score(query, rows);
    boolean together = rows == GROUP;
    for (int i = 0; i < rows; i++) {
      int first = tile.firstKey(tile.token(row + i), span);
      int end = tile.endKey(tile.token(row + i), span + SPAN);
      together &= first == from && end == to;
      if (first < end) {
        weigh(i, state(row + i), first - span, end - span);
      }
    }
    if (together) {
      addValues(GROUP, weights, state(row), from - span, to - span);
      return;
    }
    for (int i = 0; i < rows; i++) {
      int first = tile.firstKey(tile.token(row + i), span);
      int end = tile.endKey(tile.token(row + i), span + SPAN);
      addValues(1, weights + i * WEIGHT_BYTES, state(row + i), first - span, end - span);
    }
  }

  private long state(int row) {
    return statesAt + row * rowBytes;
  }

  /** The scores of all slots of the span, of which some may be rubbish. */
  private void score(long query, int rows) {
    for (int slot = 0; slot < SPAN; slot += 4 * COUNT) {
      long into = weights + slot * 4L;
      long k0 = keyLanes(slot);
      long k1 = keyLanes(slot + COUNT);
      long k2 = keyLanes(slot + 2 * COUNT);
      long k3 = keyLanes(slot + 3 * COUNT);
      if (rows == 1) {
        AttentionPanels.score1(keyElements, k0, k1, k2, k3, shape.headDim(), scratch, query, into);
      } else {
        AttentionPanels.score4(keyElements, k0, k1, k2, k3, shape.headDim(), scratch, query, into);
      }
    }
  }

  private long keyLanes(int slot) {
    return keys[slot / BLOCK_TOKENS] + slot % BLOCK_TOKENS * 4L;
  }

  /**
   * Turns scores into weights, those outside the range into 0, and adds them to the sum. Where
   * e^(-infinity - maximum) is not 0 the maximum is NaN or -infinity, and the sum NaN in any case.
   */
  private void weigh(int i, long state, int from, int to) {
    long scores = weights + i * WEIGHT_BYTES;
    hide(scores, 0, from);
    hide(scores, to, SPAN);
    long maximumAt = state + AttentionStates.maximumOffset(shape);
    float maximum = ScalarKernels.get(states, maximumAt, 0);
    float highest = Math.max(maximum, highest(scratch, scores));
    // Not "greater": a maximum that became NaN must reach the result.
    if (highest != maximum) {
      float factor = Exp.exp(maximum - highest);
      multiply(states, state, shape.paddedValueDim() + BLOCK_TOKENS, factor);
      ScalarKernels.set(states, maximumAt, 0, highest);
    }
    for (int slot = 0; slot < SPAN; slot += BLOCK_TOKENS) {
      long lanes = state + AttentionStates.lanesOffset(shape);
      weigh(scratch, scores + slot * 4L, highest, states, lanes);
    }
  }

  private void hide(long scores, int from, int to) {
    for (int slot = from; slot < to; slot++) {
      ScalarKernels.set(scratch, scores, slot, Float.NEGATIVE_INFINITY);
    }
  }

  private static float highest(MemorySegment scratch, long scores) {
    FloatVector highest = FloatVector.fromMemorySegment(FLOATS, scratch, scores, ORDER);
    for (int slot = COUNT; slot < SPAN; slot += COUNT) {
      highest =
          highest.max(FloatVector.fromMemorySegment(FLOATS, scratch, scores + slot * 4L, ORDER));
    }
    return highest.reduceLanes(VectorOperators.MAX);
  }

  private static void multiply(MemorySegment states, long at, int n, float factor) {
    for (int i = 0; i < n; i += COUNT) {
      FloatVector.fromMemorySegment(FLOATS, states, at + i * 4L, ORDER)
          .mul(factor)
          .intoMemorySegment(states, at + i * 4L, ORDER);
    }
  }

  private static void weigh(
      MemorySegment scratch, long scores, float maximum, MemorySegment states, long lanes) {
    for (int i = 0; i < BLOCK_TOKENS; i += COUNT) {
      long at = scores + i * 4L;
      FloatVector weights =
          VectorExp.exp(FloatVector.fromMemorySegment(FLOATS, scratch, at, ORDER).sub(maximum));
      weights.intoMemorySegment(scratch, at, ORDER);
      FloatVector.fromMemorySegment(FLOATS, states, lanes + i * 4L, ORDER)
          .add(weights)
          .intoMemorySegment(states, lanes + i * 4L, ORDER);
    }
  }

  /** Adds the values of the slots {@code from} to {@code to - 1}, weighed, to one or four rows. */
  private void addValues(int rows, long weightsAt, long state, int from, int to) {
    int at = from;
    while (at < to) {
      int end = copiesValues ? to : (at / BLOCK_TOKENS + 1) * BLOCK_TOKENS;
      int count = Math.min(end, to) - at;
      long valueBytes = shape.paddedValueDim() * 4L;
      long values = this.values[at / BLOCK_TOKENS] + at % BLOCK_TOKENS * valueBytes;
      addValues(rows, values, valueBytes, count, weightsAt + at * 4L, state);
      at += count;
    }
  }

  private void addValues(
      int rows, long values, long valueBytes, int count, long weightsAt, long state) {
    long d = 0;
    for (; d + 4 * BYTES <= valueBytes; d += 4 * BYTES) {
      long v = values + d;
      if (rows == GROUP) {
        AttentionPanels.addValues4(
            valueElements, v, valueBytes, count, scratch, weightsAt, states, state + d, rowBytes);
      } else {
        AttentionPanels.addValues1(
            valueElements, v, valueBytes, count, scratch, weightsAt, states, state + d);
      }
    }
    for (; d < valueBytes; d += BYTES) {
      for (int i = 0; i < rows; i++) {
        long w = weightsAt + i * WEIGHT_BYTES;
        AttentionPanels.addVector(
            valueElements,
            values + d,
            valueBytes,
            count,
            scratch,
            w,
            states,
            state + i * rowBytes + d);
      }
    }
  }
}
