package dev.consilium.model.family;

/**
 * How a family's gate follows from a configuration.
 *
 * @param score what makes scores of logits
 * @param bias whether logits have a bias
 * @param correctionBias whether the choice has one
 * @param groups which fields put experts in groups
 * @param normalisation whether chosen scores are divided by their sum
 * @param epsilon what is added to that sum
 * @param weight what gate weights multiply
 */
record GateRules(
    Score score,
    boolean bias,
    boolean correctionBias,
    Groups groups,
    Normalisation normalisation,
    float epsilon,
    Weight weight) {

  /** What makes scores of logits. */
  enum Score {
    SOFTMAX_OF_ALL,
    SOFTMAX_OF_CHOSEN,
    SIGMOID,
    /** With tolerance {@code 2 * router_jitter_noise}. */
    SPARSE_MIXER
  }

  /** Which fields put experts in groups. */
  enum Groups {
    NONE,
    /** {@code n_group} and {@code topk_group}, by maximum, if {@code topk_method} says so. */
    IF_METHOD_SAYS,
    /** {@code n_group} and {@code topk_group}, by the sum of the top two. */
    TOP_TWO
  }

  /** Whether chosen scores are divided by their sum. */
  enum Normalisation {
    NEVER,
    ALWAYS,
    /** If {@code norm_topk_prob}; absent: no. */
    IF_ENABLED,
    /** If {@code norm_topk_prob}; absent: yes. */
    UNLESS_DISABLED
  }

  /** What gate weights multiply. */
  enum Weight {
    OUTPUT,
    /** The output, times {@code routed_scaling_factor} (absent: 1). */
    SCALED_OUTPUT,
    INPUT
  }

  /** Softmax over all experts, and the largest are chosen. */
  static GateRules softmax(Normalisation normalisation) {
    return new GateRules(
        Score.SOFTMAX_OF_ALL, false, false, Groups.NONE, normalisation, 0, Weight.OUTPUT);
  }
}
