package dev.consilium.model.family;

/**
 * A selective state space, in the words of linear attention: C is the query, B the key, x the value
 * of a head; a group is a key head. For every head and token, with the state S of the token before:
 *
 * <ol>
 *   <li>time step {@code dt = clamp(softplus(dt + dt_bias))}; dt is the scalar of the projection.
 *   <li>{@code S = exp(-exp(A_log) * dt) S + B (dt x)^T}.
 *   <li>{@code y = S^T C + D x}.
 *   <li>{@code y silu(gate)} is RMS-normalised, in groups of neighbouring heads.
 * </ol>
 *
 * @param normGroups in how many groups, 1: all heads together
 * @param convolutionBias whether the convolution has one
 * @param projectionBiases whether the first and the last projection have biases
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
    int normGroups,
    boolean convolutionBias,
    boolean projectionBiases,
    float least,
    float most)
    implements LinearAttention {

  public Mamba2 {
    LinearAttention.check(heads, keyHeads, keyDim, valueDim, taps);
    if (normGroups < 1 || heads * valueDim % normGroups != 0) {
      throw new IllegalArgumentException(
          heads * valueDim + " values in " + normGroups + " groups of one norm");
    }
    if (!(least >= 0) || !(most >= least)) {
      throw new IllegalArgumentException("time steps from " + least + " to " + most);
    }
  }

  @Override
  public int scalars() {
    return 1;
  }
}
