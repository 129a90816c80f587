package dev.consilium.router.sampling;

import java.util.Map;

/**
 * How the next token is drawn.
 *
 * @param temperature 0: greedy; otherwise logits are divided by it; at most 100
 * @param topK keep the k best tokens; 0: all
 * @param topP keep the smallest set of best tokens whose probability reaches this; in (0, 1]
 * @param minP drop tokens less probable than this times the best one's; in [0, 1]
 * @param penalties what makes tokens that were seen less likely
 * @param logitBias token id to a number added to its logit, each -100 to 100
 * @param seed the same seed, prompt and parameters give the same tokens
 */
public record SamplingParameters(
    float temperature,
    int topK,
    float topP,
    float minP,
    Penalties penalties,
    Map<Integer, Float> logitBias,
    long seed) {

  /** Takes the likeliest token every time. */
  public static final SamplingParameters GREEDY =
      new SamplingParameters(0, 0, 1, 0, Penalties.NONE, Map.of(), 0);

  public SamplingParameters {
    Ranges.check("temperature", temperature, 0, 100);
    if (topK < 0) {
      throw new IllegalArgumentException("top_k is " + topK + ": must be 0 (all tokens) or more");
    }
    Ranges.check("top_p", topP, Float.MIN_VALUE, 1);
    Ranges.check("min_p", minP, 0, 1);
    logitBias = Map.copyOf(logitBias);
    logitBias.forEach(
        (token, bias) -> Ranges.check("logit_bias of token " + token, bias, -100, 100));
  }

  boolean greedy() {
    return temperature == 0;
  }

  /**
   * What makes tokens that were seen less likely.
   *
   * @param repetition divides positive and multiplies negative logits of tokens in prompt or
   *     output; above 0, 1: off
   * @param presence subtracted from the logit of each token in the output; -2 to 2, 0: off
   * @param frequency subtracted per occurrence in the output; -2 to 2, 0: off
   */
  public record Penalties(float repetition, float presence, float frequency) {
    public static final Penalties NONE = new Penalties(1, 0, 0);

    public Penalties {
      Ranges.check("repetition_penalty", repetition, Float.MIN_VALUE, 100);
      Ranges.check("presence_penalty", presence, -2, 2);
      Ranges.check("frequency_penalty", frequency, -2, 2);
    }

    boolean off() {
      return repetition == 1 && presence == 0 && frequency == 0;
    }
  }

  private static final class Ranges {
    static void check(String name, float value, float least, float most) {
      if (!(value >= least && value <= most)) { // also refuses NaN
        throw new IllegalArgumentException(
            name + " is " + value + ": must be " + describe(least) + " to " + describe(most));
      }
    }

    private static String describe(float bound) {
      return bound == Float.MIN_VALUE ? "above 0, up" : Float.toString(bound);
    }
  }
}
