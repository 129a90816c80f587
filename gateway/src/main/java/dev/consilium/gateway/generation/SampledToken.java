package dev.consilium.gateway.generation;

import java.util.List;
import java.util.OptionalDouble;

/**
 * A token as a router sent it.
 *
 * @param logprob natural logarithm of its probability, if asked for
 * @param alternatives the most probable tokens, best first, if asked for
 * @param experts the experts chosen for it, layers ascending, if asked for
 */
public record SampledToken(
    int id, OptionalDouble logprob, List<Alternative> alternatives, List<ExpertChoice> experts)
    implements TokenEvent {

  public SampledToken {
    alternatives = List.copyOf(alternatives);
    experts = List.copyOf(experts);
  }

  /** A token that could have been drawn. */
  public record Alternative(int id, double logprob) {}

  /** The experts that processed a token in one layer, largest gate weight first. */
  public record ExpertChoice(int layer, List<Integer> experts, List<Float> weights) {
    public ExpertChoice {
      experts = List.copyOf(experts);
      weights = List.copyOf(weights);
    }
  }
}
