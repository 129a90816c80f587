package dev.consilium.router.sampling;

import dev.consilium.tensor.Exp;
import java.util.Map;

/**
 * Draws one token from a row of logits.
 *
 * <ol>
 *   <li>Penalties, then bias, change the logits.
 *   <li>Temperature 0 takes the largest logit; of equals the lowest id.
 *   <li>Otherwise logits are divided by the temperature, and the candidates shrink: top-k, then
 *       top-p over what is left, then min-p against the best.
 *   <li>A number in [0, 1) that depends on nothing but the seed and the index of the token picks a
 *       candidate by its share. So a sequence that is computed again elsewhere draws the same
 *       tokens, without any state to carry.
 * </ol>
 */
public final class Sampler {
  private Sampler() {}

  /**
   * Draws the next token.
   *
   * @param logits {@code [vocabularySize]}, unitless; changed
   * @param history what the sequence has seen
   * @param index how many tokens the sequence has generated before
   * @return the token's id
   * @throws ArithmeticException if a logit is not a number, or the largest one not finite
   */
  public static int sample(
      float[] logits, SamplingParameters parameters, TokenHistory history, int index) {
    if (!parameters.penalties().off()) {
      history.penalise(logits, parameters.penalties());
    }
    for (Map.Entry<Integer, Float> bias : parameters.logitBias().entrySet()) {
      logits[bias.getKey()] += bias.getValue();
    }
    int best = argmax(logits);
    if (parameters.greedy()) {
      return best;
    }
    softmax(logits, best, parameters.temperature());
    Candidates candidates = Candidates.of(logits, parameters);
    return candidates.at(uniform(parameters.seed(), index));
  }

  /**
   * The index of the largest number; of equals the lowest.
   *
   * @throws ArithmeticException if an element is not a number, or the largest one not finite
   */
  public static int argmax(float[] logits) {
    int best = 0;
    for (int i = 0; i < logits.length; i++) {
      if (Float.isNaN(logits[i])) {
        throw new ArithmeticException(
            "the logit of token " + i + " is NaN: the model's numbers overflowed");
      }
      if (logits[i] > logits[best]) {
        best = i;
      }
    }
    if (!Float.isFinite(logits[best])) {
      throw new ArithmeticException(
          "the largest logit is %s: the model's numbers overflowed".formatted(logits[best]));
    }
    return best;
  }

  /** Turns logits into weights proportional to their probability, the best one's being 1. */
  private static void softmax(float[] logits, int best, float temperature) {
    float max = logits[best];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = Exp.exp((logits[i] - max) / temperature);
    }
  }

  /** A number in [0, 1) from seed and index, by the finaliser of SplitMix64. */
  static double uniform(long seed, int index) {
    long z = mix(seed) + 0x9E3779B97F4A7C15L * (index + 1L);
    return (mix(z) >>> 11) * 0x1p-53;
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
