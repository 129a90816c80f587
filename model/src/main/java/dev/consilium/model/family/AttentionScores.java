package dev.consilium.model.family;

import java.util.Optional;

/**
 * How products of queries and keys become weights.
 *
 * @param scale what they are multiplied by before the softmax
 * @param sinks whether each head has a learned score that takes part in the softmax and has no
 *     value: weight may go nowhere
 * @param temperature what queries are multiplied by, depending on their position
 */
public record AttentionScores(float scale, boolean sinks, Optional<TemperatureTuning> temperature) {

  /** A softmax and nothing else. */
  public AttentionScores(float scale) {
    this(scale, false, Optional.empty());
  }
}
