package dev.consilium.cli.inspect;

import dev.consilium.model.family.ExpertGroups;
import dev.consilium.model.family.GateRenormalisation;
import dev.consilium.model.family.GateScore;
import dev.consilium.model.family.GateSpec;
import dev.consilium.model.family.GateWeighting;
import java.util.ArrayList;
import java.util.List;

/** How experts are chosen and weighed. */
final class GateWords {

  private GateWords() {}

  static String of(GateSpec gate) {
    List<String> words = new ArrayList<>();
    words.add(score(gate.score()) + (gate.bias() ? " with a bias" : ""));
    if (gate.selection().correctionBias()) {
      words.add("a correction bias on the choice alone");
    }
    gate.selection().groups().ifPresent(groups -> words.add(groups(groups)));
    words.add(weights(gate.weighting()));
    return String.join("; ", words);
  }

  private static String score(GateScore score) {
    return switch (score) {
      case GateScore.SoftmaxOfAll() -> "softmax over all experts";
      case GateScore.SoftmaxOfChosen() -> "softmax over the chosen";
      case GateScore.Sigmoid() -> "sigmoid of each logit";
      case GateScore.SparseMixer(float tolerance) ->
          "sparsemixer, tolerance " + Numbers.plain(tolerance);
    };
  }

  private static String groups(ExpertGroups groups) {
    String by =
        switch (groups.score()) {
          case MAX -> "by their best expert";
          case SUM_OF_TOP_TWO -> "by the sum of their best two";
        };
    return "from the best %d of %d groups, %s".formatted(groups.kept(), groups.count(), by);
  }

  private static String weights(GateWeighting weighting) {
    String scores =
        switch (weighting.renormalisation()) {
          case GateRenormalisation.None() -> "weights as scored";
          case GateRenormalisation.BySum _ -> "weights renormalised to sum to 1";
        };
    String times =
        weighting.scalingFactor() == 1 ? "" : ", times " + Numbers.plain(weighting.scalingFactor());
    return scores + times + (weighting.ofInput() ? ", on the experts' input" : "");
  }
}
