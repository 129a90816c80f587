package dev.consilium.tensor;

import java.util.Optional;
import java.util.Random;

/** The last tokens of a sequence with random queries, keys and values, and their attention. */
final class AttentionSample {
  private static final int ROW = 2;

  private final AttentionShape shape;
  private final CacheSample cache;
  private final int position;
  private final int tokens;
  private final int window;
  private final Optional<F32Vector> sinks;
  private final F32Matrix query;

  private AttentionSample(
      AttentionShape shape,
      CacheSample cache,
      int position,
      int tokens,
      int window,
      Optional<F32Vector> sinks,
      F32Matrix q) {
    this.shape = shape;
    this.cache = cache;
    this.position = position;
    this.tokens = tokens;
    this.window = window;
    this.sinks = sinks;
    this.query = q;
  }

  static AttentionSample of(
      Random random,
      AttentionShape shape,
      int position,
      int tokens,
      int window,
      Samples.Draw draw) {
    CacheSample cache = CacheSample.of(random, shape, position + tokens, draw);
    int width = shape.heads() * shape.headDim();
    F32Matrix query = Samples.matrix(random, ROW + tokens + 1, width + 3, draw);
    return new AttentionSample(shape, cache, position, tokens, window, Optional.empty(), query);
  }

  /** The same with a sink for each head. */
  AttentionSample with(float... sinks) {
    Optional<F32Vector> vector = Optional.of(F32Vector.of(sinks));
    return new AttentionSample(shape, cache, position, tokens, window, vector, query);
  }

  /** The same queries, keys and values in a cache that holds values beside keys. */
  AttentionSample storedTwice(AttentionShape other) {
    CacheSample both = cache.storedTwice(other, position + tokens);
    return new AttentionSample(other, both, position, tokens, window, sinks, query);
  }

  AttentionShape shape() {
    return shape;
  }

  CacheSample cache() {
    return cache;
  }

  int tokens() {
    return tokens;
  }

  float query(int token, int element) {
    return query.get(ROW + token, element);
  }

  /** The score of a head's sink; -infinity: no sink. */
  float sink(int head) {
    return sinks.map(vector -> vector.get(head)).orElse(Float.NEGATIVE_INFINITY);
  }

  int endKey(int token) {
    return position + token + 1;
  }

  int firstKey(int token) {
    return Math.max(0, endKey(token) - window);
  }

  /** A matrix for the results, whose every element is 42. */
  F32Matrix results() {
    F32Matrix out = F32Matrix.allocate(query.rows(), query.columns());
    for (int row = 0; row < out.rows(); row++) {
      for (int column = 0; column < out.columns(); column++) {
        out.set(row, column, 42f);
      }
    }
    return out;
  }

  float result(F32Matrix out, int token, int element) {
    return out.get(ROW + token, element);
  }

  /** Some of the tokens, to be written to a matrix of results. */
  AttentionJob job(int from, int count, F32Matrix out) {
    return new AttentionJob(
        shape, cache.blocks(), position + from, count, window, sinks, query, out, ROW + from);
  }

  /** The results by tiles of so many tokens, and of one to three key/value heads. */
  F32Matrix attend(Kernels kernels, int tileTokens) {
    F32Matrix out = results();
    AttentionJob job = job(0, tokens, out);
    AttentionMemory memory = new AttentionMemory();
    for (int head = 0, heads; head < shape.kvHeads(); head += heads) {
      heads = Math.min(1 + (head + tileTokens) % 3, shape.kvHeads() - head);
      for (int token = 0; token < tokens; token += tileTokens) {
        int end = Math.min(tokens, token + tileTokens);
        AttentionTasks.run(kernels, new AttentionTile(job, head, heads, token, end), memory);
      }
    }
    return out;
  }

  @Override
  public String toString() {
    return "%s, %d tokens from position %d on, window %d"
        .formatted(shape, tokens, position, window);
  }
}
