package dev.consilium.model.gguf;

import dev.consilium.model.family.ExpertGroups;
import dev.consilium.model.family.GateRenormalisation;
import dev.consilium.model.family.GateScore;
import dev.consilium.model.family.GateSpec;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;

/**
 * A gate of DeepSeek's kind: what makes scores; and perhaps groups, whether scores are divided by
 * their sum, and a factor.
 *
 * @param score that gates of the architecture have
 * @param more whether files say more than that
 */
record GgufGate(Score score, boolean more) implements GgufAxis {

  GgufGate(Score score) {
    this(score, true);
  }

  /** What makes scores of logits, as files number it. */
  enum Score {
    SOFTMAX(1),
    SIGMOID(2);

    private final int number;

    Score(int number) {
      this.number = number;
    }

    /** What files say. */
    int number() {
      return number;
    }
  }

  @Override
  public void read(GgufReading from) {
    from.require(GgufKey.GATE_SCORE, score.number(), ", the only score of this family");
    if (!more) {
      requireNoGroups(from);
      return;
    }
    from.origin(GgufKey.GATE_NORMALISED, "norm_topk_prob");
    from.config().put("norm_topk_prob", from.flag(GgufKey.GATE_NORMALISED).orElse(false));
    from.real(GgufKey.GATE_SCALE, "routed_scaling_factor");
    int groups = from.whole(GgufKey.EXPERT_GROUPS).orElse(1);
    from.origin(GgufKey.EXPERT_GROUPS_USED, "topk_group");
    int kept = from.whole(GgufKey.EXPERT_GROUPS_USED).orElse(1);
    if (groups > 1) {
      from.put(GgufKey.EXPERT_GROUPS, "n_group", groups);
      from.put(GgufKey.EXPERT_GROUPS_USED, "topk_group", kept);
      if (score == Score.SOFTMAX) {
        from.config().put("topk_method", "group_limited_greedy");
      }
    }
  }

  /**
   * One whose scores are always divided by their sum.
   *
   * @param scaleField the field with what weights are multiplied by
   * @param said whether files say so; they may not say the opposite
   */
  record Normalised(Score score, String scaleField, boolean said) implements GgufAxis {
    @Override
    public void read(GgufReading from) {
      from.require(GgufKey.GATE_SCORE, score.number(), ", the only score of this family");
      if (!from.flag(GgufKey.GATE_NORMALISED).orElse(!said)) {
        throw from.unwanted(GgufKey.GATE_NORMALISED, "true");
      }
      from.real(GgufKey.GATE_SCALE, scaleField);
      requireNoGroups(from);
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      new GgufGate(score).write(spec, to);
    }
  }

  private static void requireNoGroups(GgufReading from) {
    int groups = from.whole(GgufKey.EXPERT_GROUPS).orElse(0);
    from.require(GgufKey.EXPERT_GROUPS, Math.min(groups, 1), ", as there are no groups");
    from.whole(GgufKey.EXPERT_GROUPS_USED);
  }

  @Override
  public void write(ModelSpec spec, GgufWriting to) {
    GgufWriting.feedForward(spec, MixtureOfExperts.class)
        .map(MixtureOfExperts::gate)
        .ifPresent(gate -> write(gate, to));
  }

  private void write(GateSpec gate, GgufWriting to) {
    boolean sigmoid = gate.score() instanceof GateScore.Sigmoid;
    to.whole(GgufKey.GATE_SCORE, (sigmoid ? Score.SIGMOID : Score.SOFTMAX).number());
    if (!more) {
      return;
    }
    boolean normalised = gate.weighting().renormalisation() instanceof GateRenormalisation.BySum;
    to.flag(GgufKey.GATE_NORMALISED, normalised);
    to.real(GgufKey.GATE_SCALE, gate.weighting().scalingFactor());
    gate.selection().groups().ifPresent(groups -> groups(groups, to));
  }

  private static void groups(ExpertGroups groups, GgufWriting to) {
    to.whole(GgufKey.EXPERT_GROUPS, groups.count());
    to.whole(GgufKey.EXPERT_GROUPS_USED, groups.kept());
  }
}
