package dev.consilium.model.family;

/**
 * Linear attention by the delta rule with a decay for each value of a key. For every head and
 * token, with the state S of the token before:
 *
 * <ol>
 *   <li>decay {@code g[i] = exp(-exp(A_log) * softplus(f[i] + dt_bias[i]))}; f comes of the token
 *       by way of a vector {@code [rank]}, and so does the gate, of another one.
 *   <li>strength {@code b = sigmoid(b)}; b is the scalar of the projection.
 *   <li>Query and key as in a {@link GatedDeltaNet}.
 *   <li>{@code S[i] = g[i] S[i]}; then the delta rule as there.
 *   <li>The result {@code S^T q} is RMS-normalised by itself, then multiplied by {@code
 *       sigmoid(gate)}.
 * </ol>
 *
 * @param heads of queries, keys and values alike
 * @param headDim values of each
 * @param rank width of the vectors that decays and gates are made of
 * @see <a href="https://arxiv.org/abs/2510.26692">Kimi Linear</a>
 */
public record ChannelDeltaNet(int heads, int headDim, int rank, int taps)
    implements LinearAttention {

  public ChannelDeltaNet {
    LinearAttention.check(heads, heads, headDim, headDim, taps);
    if (rank < 1) {
      throw new IllegalArgumentException("rank " + rank + ", want at least 1");
    }
  }

  @Override
  public int keyHeads() {
    return heads;
  }

  @Override
  public int keyDim() {
    return headDim;
  }

  @Override
  public int valueDim() {
    return headDim;
  }

  @Override
  public int scalars() {
    return 1;
  }

  @Override
  public int decays() {
    return headDim;
  }

  /** Where what decays are made of lies in the projection; what gates are made of is behind it. */
  public int rankColumn() {
    return channels();
  }

  @Override
  public int scalarColumn() {
    return rankColumn() + 2 * rank;
  }

  @Override
  public int gateColumn() {
    return scalarColumn() + heads;
  }
}
