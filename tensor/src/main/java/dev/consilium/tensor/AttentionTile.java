package dev.consilium.tensor;

import java.util.Objects;

/**
 * The unit of attention's work: some tokens of a job, and all query heads that share some key/value
 * heads, so that keys and values are read once for all of them. A row is one query head of one
 * token: key/value heads first, then tokens.
 *
 * @param kvHead the first key/value head
 * @param kvHeads how many they are
 * @param endToken one behind the last token
 */
public record AttentionTile(
    AttentionJob job, int kvHead, int kvHeads, int firstToken, int endToken) {
  /**
   * Positions of a segment. Attention over a segment is computed on its own, so that one long
   * sequence can use many threads; the results are combined in ascending order.
   */
  public static final int SEGMENT = 512;

  /** Positions of a span, after which the running maximum may change. */
  static final int SPAN = 64;

  public AttentionTile {
    Objects.checkFromIndexSize(kvHead, kvHeads, job.shape().kvHeads());
    Objects.checkFromToIndex(firstToken, endToken, job.tokens());
    if (firstToken == endToken || kvHeads == 0) {
      throw new IllegalArgumentException("a tile without tokens or heads");
    }
  }

  AttentionShape shape() {
    return job.shape();
  }

  /** Tokens of the tile. */
  public int tokens() {
    return endToken - firstToken;
  }

  /** Rows of the tile. */
  public int rows() {
    return kvHeads * rowsPerKvHead();
  }

  /** Rows of each key/value head. */
  int rowsPerKvHead() {
    return tokens() * shape().headsPerKvHead();
  }

  /** The part with one of the key/value heads. */
  AttentionTile ofKvHead(int index) {
    Objects.checkIndex(index, kvHeads);
    return new AttentionTile(job, kvHead + index, 1, firstToken, endToken);
  }

  /** The first segment that a token of the tile sees. */
  public int firstSegment() {
    return job.firstKey(firstToken) / SEGMENT;
  }

  /** One behind the last segment that a token of the tile sees. */
  public int endSegment() {
    return (job.endKey(endToken - 1) - 1) / SEGMENT + 1;
  }

  /** The first key of a position or behind it that a token of the tile sees. */
  int firstKey(int token, int from) {
    return Math.max(job.firstKey(firstToken + token), from);
  }

  /** One behind the last key before {@code end} that a token of the tile sees. */
  int endKey(int token, int end) {
    return Math.min(job.endKey(firstToken + token), end);
  }

  /** Whether a token of the tile sees a key of a segment. */
  boolean sees(int token, int segment) {
    int from = segment * SEGMENT;
    return firstKey(token, from) < endKey(token, from + SEGMENT);
  }

  /** Where the query of a row starts in the memory of queries. */
  long queryOffset(int row) {
    return job.query().offset(matrixRow(row)) + (long) head(row) * shape().headDim() * Float.BYTES;
  }

  /** Where the result of a row starts in the memory of results. */
  long outOffset(int row) {
    return job.out().offset(matrixRow(row)) + (long) head(row) * shape().valueDim() * Float.BYTES;
  }

  /** The token of the tile that a row belongs to. */
  int token(int row) {
    return row / shape().headsPerKvHead() % tokens();
  }

  /** The query head of a row. */
  int head(int row) {
    int heads = shape().headsPerKvHead();
    return (kvHead + row / rowsPerKvHead()) * heads + row % heads;
  }

  private int matrixRow(int row) {
    return job.row() + firstToken + token(row);
  }
}
