package dev.consilium.tensor;

import java.util.Objects;
import java.util.Optional;

/**
 * The attention of some consecutive tokens of one sequence: token {@code t} over the keys up to its
 * own position, {@code position + t}.
 *
 * @param cache holds keys and values of all these positions
 * @param position of the first token
 * @param tokens 1 or more
 * @param window keys that a token sees at most, its own among them; 1 or more
 * @param sinks a score for each query head {@code [heads]}, not scaled, that takes part in the
 *     softmax and has no value; empty: none
 * @param query the rotated queries {@code [heads][headDim]} of token t at the start of row {@code
 *     row + t}
 * @param out where the results {@code [heads][valueDim]} go, in the same rows; not the memory of
 *     the queries
 */
public record AttentionJob(
    AttentionShape shape,
    KvBlocks cache,
    int position,
    int tokens,
    int window,
    Optional<F32Vector> sinks,
    F32Matrix query,
    F32Matrix out,
    int row) {

  public AttentionJob {
    if (position < 0 || tokens < 1 || window < 1) {
      throw new IllegalArgumentException(
          "%d tokens from position %d on with a window of %d: expected >= 1, >= 0, >= 1"
              .formatted(tokens, position, window));
    }
    if ((position + (long) tokens - 1) / AttentionShape.BLOCK_TOKENS >= cache.count()) {
      throw new IllegalArgumentException(
          "positions %d to %d of a cache of %d blocks of %d positions"
              .formatted(
                  position,
                  position + (long) tokens - 1,
                  cache.count(),
                  AttentionShape.BLOCK_TOKENS));
    }
    int scores = sinks.map(F32Vector::length).orElse(shape.heads());
    if (scores != shape.heads()) {
      throw new IllegalArgumentException(
          "%d sinks for %d query heads".formatted(scores, shape.heads()));
    }
    int width = shape.heads() * shape.headDim();
    int outWidth = shape.heads() * shape.valueDim();
    if (query.columns() < width || out.columns() < outWidth) {
      throw new IllegalArgumentException(
          "queries have %d columns, results %d: expected at least %d and %d"
              .formatted(query.columns(), out.columns(), width, outWidth));
    }
    Objects.checkFromIndexSize(row, tokens, query.rows());
    Objects.checkFromIndexSize(row, tokens, out.rows());
  }

  /** Without sinks. */
  public AttentionJob(
      AttentionShape shape,
      KvBlocks cache,
      int position,
      int tokens,
      int window,
      F32Matrix query,
      F32Matrix out,
      int row) {
    this(shape, cache, position, tokens, window, Optional.empty(), query, out, row);
  }

  /** The first key that a token sees. */
  int firstKey(int token) {
    return Math.max(0, endKey(token) - window);
  }

  /** One behind the last key that a token sees. */
  int endKey(int token) {
    return position + token + 1;
  }
}
