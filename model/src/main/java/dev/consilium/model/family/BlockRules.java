package dev.consilium.model.family;

/**
 * What surrounds a family's blocks.
 *
 * @param norm what all norms do
 * @param normEpsilon {@code rms_norm_eps} when absent
 * @param tied {@code tie_word_embeddings} when absent
 * @param headBias whether the output head has a bias
 * @param multipliers whether there are {@code embedding_multiplier}, {@code residual_multiplier}
 *     and {@code logits_scaling}
 */
record BlockRules(
    NormSpec.Kind norm, double normEpsilon, boolean tied, Flag headBias, boolean multipliers) {

  /** As most families are. */
  BlockRules(double normEpsilon) {
    this(NormSpec.Kind.RMS, normEpsilon, false, Flag.NEVER, false);
  }

  NormSpec norm(ConfigFields fields) {
    double epsilon = fields.optionalNumber("rms_norm_eps").orElse(normEpsilon);
    if (epsilon < 0 || epsilon > 1) {
      throw fields.wrong("rms_norm_eps", "a number from 0 to 1");
    }
    return new NormSpec(norm, (float) epsilon);
  }

  Multipliers multipliers(ConfigFields fields) {
    return multipliers
        ? new Multipliers(
            multiplier(fields, "embedding_multiplier"),
            multiplier(fields, "residual_multiplier"),
            1 / multiplier(fields, "logits_scaling"))
        : Multipliers.NONE;
  }

  /** A factor of an open model, 1 when absent. */
  static float multiplier(ConfigFields fields, String field) {
    double value = fields.optionalNumber(field).orElse(1);
    if (!(value >= 1e-6) || value > 1e6) {
      throw fields.wrong(field, "a number from 0.000001 to 1000000");
    }
    return (float) value;
  }
}
