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
 * @param floorField the field with what that sum is at least; empty: 0
 * @param weight what gate weights multiply
 * @param scaling where weights are scaled, by what
 */
record GateRules(
    Score score,
    boolean bias,
    boolean correctionBias,
    Groups groups,
    Normalisation normalisation,
    float epsilon,
    String floorField,
    Weight weight,
    Scaling scaling) {

  /** The field with the exponent of the norm that chosen scores are divided by. */
  static final String NORM_FIELD = "ffn_config.moe_normalize_expert_weights";

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
    UNLESS_DISABLED,
    /** If {@link #NORM_FIELD} is 1, or absent; not if it is null. */
    UNLESS_NULL
  }

  /** What gate weights multiply. */
  enum Weight {
    OUTPUT,
    /** The output, after {@link Scaling}. */
    SCALED_OUTPUT,
    INPUT
  }

  /**
   * What weights are multiplied by.
   *
   * @param field that says it
   * @param absent what it is when absent
   */
  record Scaling(String field, double absent) {}

  /** A declaration; what it does not say is as in most families. */
  static Builder of(Score score) {
    return new Builder(score);
  }

  /** Softmax over all experts, and the largest are chosen. */
  static GateRules softmax(Normalisation normalisation) {
    return of(Score.SOFTMAX_OF_ALL).normalised(normalisation).build();
  }

  /** As DeepSeek-V3 has it: sigmoid, a correction bias, groups. */
  static GateRules corrected(Normalisation normalisation) {
    return of(Score.SIGMOID)
        .correctionBias()
        .groups(Groups.TOP_TWO)
        .normalised(normalisation)
        .epsilon(1e-20f)
        .weight(Weight.SCALED_OUTPUT)
        .build();
  }

  /** Not thread-safe. */
  static final class Builder {
    private final Score score;
    private boolean bias;
    private boolean correctionBias;
    private Groups groups = Groups.NONE;
    private Normalisation normalisation = Normalisation.NEVER;
    private float epsilon;
    private String floorField = "";
    private Weight weight = Weight.OUTPUT;
    private Scaling scaling = new Scaling("routed_scaling_factor", 1);

    private Builder(Score score) {
      this.score = score;
    }

    Builder bias() {
      bias = true;
      return this;
    }

    Builder correctionBias() {
      correctionBias = true;
      return this;
    }

    Builder groups(Groups value) {
      groups = value;
      return this;
    }

    Builder normalised(Normalisation value) {
      normalisation = value;
      return this;
    }

    Builder epsilon(float value) {
      epsilon = value;
      return this;
    }

    Builder floor(String field) {
      floorField = field;
      return this;
    }

    /** The output, scaled by another field than {@code routed_scaling_factor}. */
    Builder scaled(String field, double absent) {
      scaling = new Scaling(field, absent);
      return weight(Weight.SCALED_OUTPUT);
    }

    Builder weight(Weight value) {
      weight = value;
      return this;
    }

    GateRules build() {
      return new GateRules(
          score, bias, correctionBias, groups, normalisation, epsilon, floorField, weight, scaling);
    }
  }
}
