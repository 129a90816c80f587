package dev.consilium.model.family;

/**
 * A causal convolution over the last tokens between two gates. The token gives {@code b}, {@code c}
 * and {@code x}, each {@code [channels]}; the result is {@code c * conv(b * x)}, projected back.
 * Nothing but the window of {@code b * x} is kept.
 *
 * @param biases whether both projections and the convolution have biases
 * @see <a href="https://arxiv.org/abs/2511.23404">LFM2, section 2</a>
 */
public record ShortConvolution(int channels, int taps, boolean biases)
    implements RecurrentAttention {

  public ShortConvolution {
    if (channels < 1 || taps < 2) {
      throw new IllegalArgumentException(
          "%d channels, %d taps; want at least 1 and 2".formatted(channels, taps));
    }
  }

  @Override
  public int projectionWidth() {
    return 3 * channels;
  }

  @Override
  public int valueWidth() {
    return channels;
  }

  @Override
  public long stateElements() {
    return 0;
  }
}
