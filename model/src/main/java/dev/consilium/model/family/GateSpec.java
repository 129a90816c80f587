package dev.consilium.model.family;

/**
 * How a token's experts are chosen and weighed. The gate's matrix has shape {@code [choices,
 * hiddenSize]}; everything is computed in f32.
 *
 * @param expertCount routed experts of the layer
 * @param identities choices numbered behind the experts, each of which gives the token back as it
 *     is: nobody computes them, and they are weighed as experts are
 * @param topK choices per token, {@code 1 <= topK <= choices}
 * @param bias whether a bias {@code [choices]} is added to the logits
 * @param score what makes scores of the logits
 * @param selection what, beside the scores, decides the choice
 * @param weighting how scores become weights
 */
public record GateSpec(
    int expertCount,
    int identities,
    int topK,
    boolean bias,
    GateScore score,
    GateSelection selection,
    GateWeighting weighting) {

  public GateSpec {
    int choices = expertCount + identities;
    if (expertCount < 1 || identities < 0 || topK < 1 || topK > choices) {
      throw new IllegalArgumentException("cannot choose " + topK + " of " + choices + " experts");
    }
    selection.groups().ifPresent(groups -> check(groups, choices, topK));
    boolean byScore = selection.correctionBias() || selection.groups().isPresent();
    if (byScore
        && (score instanceof GateScore.SoftmaxOfChosen || score instanceof GateScore.SparseMixer)) {
      throw new IllegalArgumentException(
          score + " has no scores before the choice that a bias or groups could change");
    }
  }

  /** Without identities. */
  public GateSpec(
      int expertCount,
      int topK,
      boolean bias,
      GateScore score,
      GateSelection selection,
      GateWeighting weighting) {
    this(expertCount, 0, topK, bias, score, selection, weighting);
  }

  /** The largest scores, without bias, as weights of the outputs. */
  public GateSpec(int expertCount, int topK, GateScore score, GateRenormalisation renormalisation) {
    this(
        expertCount,
        topK,
        false,
        score,
        GateSelection.LARGEST,
        new GateWeighting(renormalisation, 1));
  }

  /** What can be chosen: experts and identities. */
  public int choices() {
    return expertCount + identities;
  }

  private static void check(ExpertGroups groups, int expertCount, int topK) {
    int ofGroup = expertCount / groups.count();
    boolean tooSmall = groups.score() == ExpertGroups.GroupScore.SUM_OF_TOP_TWO && ofGroup < 2;
    if (expertCount % groups.count() != 0 || ofGroup * groups.kept() < topK || tooSmall) {
      throw new IllegalArgumentException(
          "cannot choose %d of %d experts by %s".formatted(topK, expertCount, groups));
    }
  }
}
