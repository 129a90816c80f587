package dev.consilium.model.family;

/**
 * What Llama 3.1 and later do: wavelengths short against the trained context stay, long ones are
 * stretched by {@code factor}, those between are blended.
 *
 * @param factor what long wavelengths are multiplied by
 * @param lowTurns with fewer turns than this over the trained context, a wavelength is long
 * @param highTurns with more turns than this, it is short; at least {@code lowTurns}
 * @param originalContextLength the trained context, in tokens
 */
public record LlamaScaling(
    double factor, double lowTurns, double highTurns, int originalContextLength)
    implements RotaryScaling {

  public LlamaScaling {
    RotaryScaling.requirePositive("factor", factor);
    RotaryScaling.requirePositive("low_freq_factor", lowTurns);
    RotaryScaling.requirePositive("high_freq_factor", highTurns);
    if (highTurns < lowTurns) {
      throw new IllegalArgumentException(
          "high_freq_factor is %s, want at least low_freq_factor, which is %s"
              .formatted(highTurns, lowTurns));
    }
    if (originalContextLength < 1) {
      throw new IllegalArgumentException(
          "original context is " + originalContextLength + ", want at least 1");
    }
  }
}
