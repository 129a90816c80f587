package dev.consilium.model.family;

/**
 * Linear attention by the gated delta rule. For every head and token, with the state S of the token
 * before:
 *
 * <ol>
 *   <li>decay {@code g = exp(-exp(A_log) * softplus(a + dt_bias))}, strength {@code b =
 *       sigmoid(b)}; a and b are the scalars of the projection.
 *   <li>query and key are divided by their length, {@code x / sqrt(sum(x^2) + 1e-6)}; the query
 *       also by {@code sqrt(keyDim)}.
 *   <li>{@code S = g S}; what the key remembers is {@code S^T k}; {@code S += k (b (v - S^T k))^T}.
 *   <li>the result {@code S^T q} is RMS-normalised by itself, then multiplied by {@code
 *       silu(gate)}.
 * </ol>
 *
 * @see <a href="https://arxiv.org/abs/2412.06464">Gated Delta Networks</a>
 */
public record GatedDeltaNet(int heads, int keyHeads, int keyDim, int valueDim, int taps)
    implements LinearAttention {

  public GatedDeltaNet {
    LinearAttention.check(heads, keyHeads, keyDim, valueDim, taps);
  }

  @Override
  public int scalars() {
    return 2;
  }
}
