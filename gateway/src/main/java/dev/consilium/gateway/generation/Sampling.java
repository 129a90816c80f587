package dev.consilium.gateway.generation;

import java.util.Map;
import java.util.OptionalLong;

/**
 * How the next token is drawn; ranges are checked at the doors.
 *
 * @param temperature 0 for greedy
 * @param logitBias token id to what is added to its logit, each -100 to 100
 * @param seed the same seed, prompt and parameters give the same tokens; empty: the router chooses
 */
public record Sampling(
    float temperature,
    Truncation truncation,
    Penalties penalties,
    Map<Integer, Float> logitBias,
    OptionalLong seed) {

  /** What a model without any defaults of its own gets. */
  public static final Sampling PLAIN =
      new Sampling(
          1, new Truncation(0, 1, 0), new Penalties(1, 0, 0), Map.of(), OptionalLong.empty());

  public Sampling {
    logitBias = Map.copyOf(logitBias);
  }

  /**
   * Which tokens may be drawn.
   *
   * @param topK keep the k best; 0: all
   * @param topP keep the smallest set of best tokens whose probability reaches this, in (0, 1]
   * @param minP drop tokens less probable than this times the best one's, in [0, 1]
   */
  public record Truncation(int topK, float topP, float minP) {}

  /**
   * What is taken from tokens seen before.
   *
   * @param repetition divides positive and multiplies negative logits of tokens in prompt or
   *     output; 1: none
   * @param presence subtracted once from tokens in the output, -2 to 2
   * @param frequency subtracted per occurrence in the output, -2 to 2
   */
  public record Penalties(float repetition, float presence, float frequency) {}

  /** For the choice of this index: each draws with a seed of its own. */
  Sampling forChoice(int index) {
    if (index == 0 || seed.isEmpty()) {
      return this;
    }
    return new Sampling(
        temperature, truncation, penalties, logitBias, OptionalLong.of(seed.getAsLong() + index));
  }
}
