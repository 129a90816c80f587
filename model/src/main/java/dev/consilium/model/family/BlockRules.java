package dev.consilium.model.family;

/**
 * What surrounds a family's blocks.
 *
 * @param norm what all norms do
 * @param place where those of blocks are
 * @param normEpsilon {@code rms_norm_eps} when absent
 * @param tied {@code tie_word_embeddings} when absent
 * @param headBias whether the output head has a bias
 * @param multipliers whether there are {@code embedding_multiplier}, {@code residual_multiplier}
 *     and {@code logits_scaling}
 */
record BlockRules(
    NormSpec.Kind norm,
    NormSpec.Place place,
    double normEpsilon,
    boolean tied,
    Flag headBias,
    boolean multipliers) {

  /**
   * A declaration; what it does not say is as in most families.
   *
   * @param epsilon of norms, when absent
   */
  static Builder norms(double epsilon) {
    return new Builder(epsilon);
  }

  NormSpec norm(ConfigFields fields) {
    double epsilon = fields.optionalNumber("rms_norm_eps").orElse(normEpsilon);
    if (epsilon < 0 || epsilon > 1) {
      throw fields.wrong("rms_norm_eps", "a number from 0 to 1");
    }
    return new NormSpec(norm, place, (float) epsilon);
  }

  Multipliers multipliers(ConfigFields fields) {
    return multipliers
        ? new Multipliers(
            multiplier(fields, "embedding_multiplier"),
            multiplier(fields, "residual_multiplier"),
            1 / multiplier(fields, "logits_scaling"))
        : Multipliers.NONE;
  }

  /** The factors of a residual addition. */
  ResidualFactors residual(ConfigFields fields, String block) {
    return place == NormSpec.Place.ON_STREAM
        ? new ResidualFactors(
            multiplier(fields, block + "_alpha_factor"), multiplier(fields, block + "_beta_factor"))
        : ResidualFactors.NONE;
  }

  /** A factor of an open model, 1 when absent. */
  static float multiplier(ConfigFields fields, String field) {
    double value = fields.optionalNumber(field).orElse(1);
    if (!(value >= 1e-6) || value > 1e6) {
      throw fields.wrong(field, "a number from 0.000001 to 1000000");
    }
    return (float) value;
  }

  /** Not thread-safe. */
  static final class Builder {
    private final double epsilon;
    private NormSpec.Kind norm = NormSpec.Kind.RMS;
    private NormSpec.Place place = NormSpec.Place.BEFORE;
    private boolean tied;
    private Flag headBias = Flag.NEVER;
    private boolean multipliers;

    private Builder(double epsilon) {
      this.epsilon = epsilon;
    }

    Builder kind(NormSpec.Kind value) {
      norm = value;
      return this;
    }

    Builder after() {
      place = NormSpec.Place.AFTER;
      return this;
    }

    /**
     * What a norm gives is the residual stream, too; that and blocks have factors: {@code
     * full_attn_}, {@code linear_attn_} and {@code mlp_}, {@code alpha_factor} on the stream,
     * {@code beta_factor} on the block.
     */
    Builder onStream() {
      place = NormSpec.Place.ON_STREAM;
      return this;
    }

    /** {@code tie_word_embeddings} when absent: yes. */
    Builder tied() {
      tied = true;
      return this;
    }

    Builder headBias(Flag value) {
      headBias = value;
      return this;
    }

    Builder multipliers() {
      multipliers = true;
      return this;
    }

    BlockRules build() {
      return new BlockRules(norm, place, epsilon, tied, headBias, multipliers);
    }
  }
}
