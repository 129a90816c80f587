package dev.consilium.model.family;

/**
 * What mixes tokens by something of fixed size that is kept of a sequence, instead of by keys of
 * all tokens: a window over the last inputs of a causal convolution, and perhaps a state.
 */
public sealed interface RecurrentAttention extends AttentionSpec
    permits LinearAttention, Mamba1, ShortConvolution {

  /** Tokens that the convolution sees, its own included. */
  int taps();

  /** Values of a token that pass the convolution. */
  int channels();

  /** What the projection gives of a token. */
  int projectionWidth();

  /** Values of a token that are projected back. */
  int valueWidth();

  /** What the convolution keeps of a sequence: its inputs of the last {@code taps - 1} tokens. */
  default long windowElements() {
    return (taps() - 1L) * channels();
  }

  /** What is kept of a sequence beside the window. */
  long stateElements();
}
