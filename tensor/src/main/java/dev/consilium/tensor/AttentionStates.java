package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;

/**
 * What is known of the rows of a tile after one segment of keys, or after several. A row of f32:
 * the outputs {@code [padded valueDim]}, 16 lanes of the sum of the weights, the maximum, and
 * nothing up to the next 64 bytes. After several segments the sum is in lane 0.
 */
final class AttentionStates {
  private static final int LANES = 16;

  private AttentionStates() {}

  static long rowBytes(AttentionShape shape) {
    return (shape.paddedValueDim() + 2 * LANES) * (long) Float.BYTES;
  }

  /** Bytes into a row at which the lanes of the sum start. */
  static long lanesOffset(AttentionShape shape) {
    return shape.paddedValueDim() * (long) Float.BYTES;
  }

  /** Bytes into a row at which the maximum is. */
  static long maximumOffset(AttentionShape shape) {
    return lanesOffset(shape) + LANES * (long) Float.BYTES;
  }

  /** No key seen yet. */
  static void clear(AttentionShape shape, int rows, MemorySegment states, long at) {
    long rowBytes = rowBytes(shape);
    states.asSlice(at, rows * rowBytes).fill((byte) 0);
    for (int row = 0; row < rows; row++) {
      long maximum = at + row * rowBytes + maximumOffset(shape);
      ScalarKernels.set(states, maximum, 0, Float.NEGATIVE_INFINITY);
    }
  }

  /**
   * Adds what a segment gave to what the segments before it gave.
   *
   * @param total states after the segments before; of rows that see none of those, anything
   */
  static void add(
      Kernels kernels,
      AttentionTile tile,
      int segment,
      MemorySegment states,
      long at,
      MemorySegment total,
      long totalAt) {
    AttentionShape shape = tile.shape();
    for (int row = 0; row < tile.rows(); row++) {
      int token = tile.token(row);
      if (tile.sees(token, segment)) {
        long rowAt = row * rowBytes(shape);
        boolean first = segment == tile.firstKey(token, 0) / AttentionTile.SEGMENT;
        addRow(kernels, shape, first, states, at + rowAt, total, totalAt + rowAt);
      }
    }
  }

  private static void addRow(
      Kernels kernels,
      AttentionShape shape,
      boolean first,
      MemorySegment states,
      long at,
      MemorySegment total,
      long totalAt) {
    long lanes = lanesOffset(shape);
    long maximumAt = maximumOffset(shape);
    float sum = sum(states, at + lanes);
    float maximum = ScalarKernels.get(states, at + maximumAt, 0);
    if (first) {
      MemorySegment.copy(states, at, total, totalAt, lanes);
      ScalarKernels.set(total, totalAt + lanes, 0, sum);
      ScalarKernels.set(total, totalAt + maximumAt, 0, maximum);
      return;
    }
    float before = ScalarKernels.get(total, totalAt + maximumAt, 0);
    float highest = Math.max(before, maximum);
    float keep = Exp.exp(before - highest);
    float take = Exp.exp(maximum - highest);
    float sumBefore = ScalarKernels.get(total, totalAt + lanes, 0);
    kernels.scale(keep, shape.valueDim(), total, totalAt);
    kernels.multiplyAdd(take, states, at, shape.valueDim(), total, totalAt);
    ScalarKernels.set(total, totalAt + lanes, 0, Math.fma(sum, take, sumBefore * keep));
    ScalarKernels.set(total, totalAt + maximumAt, 0, highest);
  }

  /** Writes the results of a tile that sees one segment, which changes its states. */
  static void finishOnly(Kernels kernels, AttentionTile tile, MemorySegment states, long statesAt) {
    AttentionShape shape = tile.shape();
    long rowBytes = rowBytes(shape);
    if (tile.job().sinks().isPresent()) {
      for (int row = 0; row < tile.rows(); row++) {
        long lanes = statesAt + row * rowBytes + lanesOffset(shape);
        ScalarKernels.set(states, lanes, 0, sum(states, lanes));
      }
      finish(kernels, tile, states, statesAt);
      return;
    }
    // The heads of a token lie beside each other in its result.
    int together = tile.tokens() == 1 ? tile.rows() : shape.headsPerKvHead();
    MemorySegment out = tile.job().out().segment();
    for (int row = 0; row < tile.rows(); row += together) {
      kernels.finishRows(
          shape, together, states, statesAt + row * rowBytes, out, tile.outOffset(row));
    }
  }

  /** See {@link Kernels#finishRows}. */
  static void finishRows(
      Kernels kernels,
      AttentionShape shape,
      int rows,
      MemorySegment states,
      long statesAt,
      MemorySegment y,
      long yAt) {
    for (int row = 0; row < rows; row++) {
      long at = statesAt + row * rowBytes(shape);
      float factor = 1f / sum(states, at + lanesOffset(shape));
      finishRow(kernels, shape, factor, states, at, y, yAt + row * resultBytes(shape));
    }
  }

  private static long resultBytes(AttentionShape shape) {
    return shape.valueDim() * (long) Float.BYTES;
  }

  /** Writes the result of a row, its outputs times a factor. */
  private static void finishRow(
      Kernels kernels,
      AttentionShape shape,
      float factor,
      MemorySegment states,
      long at,
      MemorySegment y,
      long yAt) {
    MemorySegment.copy(states, at, y, yAt, resultBytes(shape));
    kernels.scale(factor, shape.valueDim(), y, yAt);
  }

  private static float sum(MemorySegment states, long at) {
    float[] lanes = new float[LANES];
    for (int i = 0; i < LANES; i++) {
      lanes[i] = ScalarKernels.get(states, at, i);
    }
    return ScalarKernels.sumOfLanes(lanes);
  }

  /** Writes the results of a tile all of whose segments are in {@code total}. */
  static void finish(Kernels kernels, AttentionTile tile, MemorySegment total, long totalAt) {
    AttentionShape shape = tile.shape();
    MemorySegment out = tile.job().out().segment();
    for (int row = 0; row < tile.rows(); row++) {
      long at = totalAt + row * rowBytes(shape);
      finishRow(kernels, shape, factor(tile, row, total, at), total, at, out, tile.outOffset(row));
    }
  }

  /** What makes the weights of a row sum to 1, or to what its head's sink leaves. */
  private static float factor(AttentionTile tile, int row, MemorySegment total, long at) {
    float sum = ScalarKernels.get(total, at + lanesOffset(tile.shape()), 0);
    if (tile.job().sinks().isEmpty()) {
      return 1f / sum;
    }
    float maximum = ScalarKernels.get(total, at + maximumOffset(tile.shape()), 0);
    float sink = tile.job().sinks().get().get(tile.head(row));
    float highest = Math.max(maximum, sink);
    float keep = Exp.exp(maximum - highest);
    return keep / Math.fma(sum, keep, Exp.exp(sink - highest));
  }
}
