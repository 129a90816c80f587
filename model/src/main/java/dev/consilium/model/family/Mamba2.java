package dev.consilium.model.family;

/**
 * A selective state space, in the words of linear attention: C is the query, B the key, x the value
 * of a head; a group is a key head. For every head and token, with the state S of the token before:
 *
 * <ol>
 *   <li>time step {@code dt = clamp(softplus(dt + dt_bias))}; dt is the scalar of the projection.
 *   <li>{@code S = exp(-exp(A_log) * dt) S + B (dt x)^T}.
 *   <li>{@code y = S^T C + D x}.
 *   <li>{@code y silu(gate)} is RMS-normalised over all heads together.
 * </ol>
 *
 * @param convolutionBias whether the convolution has one
 * @param least smallest time step
 * @param most largest time step; may be infinite
 * @see <a href="https://arxiv.org/abs/2405.21060">Transformers are SSMs, section 7</a>
 */
public record Mamba2(
    int heads,
    int keyHeads,
    int keyDim,
    int valueDim,
    int taps,
    boolean convolutionBias,
    float least,
    float most)
    implements LinearAttention {

  public Mamba2 {
    LinearAttention.check(heads, keyHeads, keyDim, valueDim, taps);
    if (!(least >= 0) || !(most >= least)) {
      throw new IllegalArgumentException("time steps from " + least + " to " + most);
    }
  }

  @Override
  public int scalars() {
    return 1;
  }
}
