package dev.consilium.model.family;

/**
 * How a token's experts are chosen and weighed. The gate's matrix has shape {@code [expertCount,
 * hiddenSize]}; everything is computed in f32.
 *
 * @param expertCount routed experts of the layer
 * @param topK experts per token, {@code 1 <= topK <= expertCount}
 * @param bias whether a bias {@code [expertCount]} is added to the logits
 * @param score what makes scores of the logits
 * @param selection what, beside the scores, decides the choice
 * @param weighting how scores become weights
 */
public record GateSpec(
    int expertCount,
    int topK,
    boolean bias,
    GateScore score,
    GateSelection selection,
    GateWeighting weighting) {

  public GateSpec {
    if (topK < 1 || topK > expertCount) {
      throw new IllegalArgumentException(
          "cannot choose " + topK + " of " + expertCount + " experts");
    }
    selection.groups().ifPresent(groups -> check(groups, expertCount, topK));
    boolean byScore = selection.correctionBias() || selection.groups().isPresent();
    if (byScore
        && (score instanceof GateScore.SoftmaxOfChosen || score instanceof GateScore.SparseMixer)) {
      throw new IllegalArgumentException(
          score + " has no scores before the choice that a bias or groups could change");
    }
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

  private static void check(ExpertGroups groups, int expertCount, int topK) {
    int ofGroup = expertCount / groups.count();
    boolean tooSmall = groups.score() == ExpertGroups.GroupScore.SUM_OF_TOP_TWO && ofGroup < 2;
    if (expertCount % groups.count() != 0 || ofGroup * groups.kept() < topK || tooSmall) {
      throw new IllegalArgumentException(
          "cannot choose %d of %d experts by %s".formatted(topK, expertCount, groups));
    }
  }
}
