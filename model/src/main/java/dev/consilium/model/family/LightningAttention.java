package dev.consilium.model.family;

/**
 * Linear attention with a constant decay for each head. For every head and token, with the state S
 * of the token before:
 *
 * <ol>
 *   <li>Query, key and value pass SiLU, and no convolution.
 *   <li>{@code S = d S + k v^T} with {@code d = exp(-slope * 2^(-8 (head + 1) / heads))}.
 *   <li>The results {@code S^T q} of all heads are RMS-normalised together, then multiplied by
 *       {@code sigmoid(gate)}.
 * </ol>
 *
 * @param heads of queries, keys and values alike
 * @param headDim values of each
 * @param slope how fast a layer forgets; less in higher layers
 * @param normEpsilon of the norm of the results
 * @see <a href="https://arxiv.org/abs/2501.08313">MiniMax-01, section 2.2</a>
 */
public record LightningAttention(int heads, int headDim, double slope, float normEpsilon)
    implements LinearAttention {

  public LightningAttention {
    LinearAttention.check(heads, heads, headDim, headDim, 1);
    if (!(slope >= 0)) {
      throw new IllegalArgumentException("slope " + slope + ", want at least 0");
    }
  }

  /** The logarithm of a head's decay. */
  public float decayRate(int head) {
    return (float) (-slope * StrictMath.pow(2, -8.0 * (head + 1) / heads));
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
  public int taps() {
    return 1;
  }

  @Override
  public int scalars() {
    return 0;
  }
}
