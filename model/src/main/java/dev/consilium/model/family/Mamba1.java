package dev.consilium.model.family;

/**
 * A selective state space whose every channel has a state of its own, {@code [stateSize]}, each
 * element of which decays at its own rate. For every token:
 *
 * <ol>
 *   <li>The token gives {@code x} and {@code gate}, both {@code [channels]}; x passes the
 *       convolution and SiLU.
 *   <li>x gives a narrow vector {@code [rank]} and B and C {@code [stateSize]}, all three
 *       RMS-normalised; the narrow one gives a time step {@code dt = softplus(. + bias)} for each
 *       channel.
 *   <li>{@code S[n][c] = exp(-exp(A_log[c][n]) dt[c]) S[n][c] + B[n] dt[c] x[c]}.
 *   <li>{@code (S^T C + D x) silu(gate)} is projected back.
 * </ol>
 *
 * @param rank width of the vector that time steps are made of
 * @param convolutionBias whether the convolution has one
 * @param projectionBiases whether the first and the last projection have biases
 * @see <a href="https://arxiv.org/abs/2312.00752">Mamba, section 3</a>
 * @see <a href="https://arxiv.org/abs/2403.19887">Jamba, for the norms</a>
 */
public record Mamba1(
    int channels,
    int stateSize,
    int rank,
    int taps,
    boolean convolutionBias,
    boolean projectionBiases)
    implements RecurrentAttention {

  public Mamba1 {
    if (channels < 1 || stateSize < 1 || rank < 1 || taps < 1) {
      throw new IllegalArgumentException(
          "%d channels with states of %d, rank %d, %d taps; want at least 1 of each"
              .formatted(channels, stateSize, rank, taps));
    }
  }

  @Override
  public int projectionWidth() {
    return 2 * channels;
  }

  @Override
  public int valueWidth() {
    return channels;
  }

  /** What a token gives behind the convolution: the narrow vector, B, C. */
  public int selectionWidth() {
    return rank + 2 * stateSize;
  }

  @Override
  public long stateElements() {
    return (long) stateSize * channels;
  }
}
