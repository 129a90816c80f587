package dev.consilium.router.dispatch;

import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.router.gating.ExpertChoices;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** Turns "which experts for each token" into "which tokens for each expert". */
public final class ExpertWork {
  private ExpertWork() {}

  /**
   * Groups the tokens of a batch by expert.
   *
   * @param choices experts of each token; identities are passed over
   * @param leftOut tokens that take part no more
   * @return experts ascending, those without tokens left out; the tokens of each ascending
   */
  public static List<ExpertTokens> of(ExpertChoices choices, BitSet leftOut) {
    int expertCount = choices.expertCount();
    int[] counts = new int[expertCount];
    forEach(choices, leftOut, (token, rank) -> counts[choices.expert(token, rank)]++);
    int[][] tokens = new int[expertCount][];
    float[][] weights = new float[expertCount][];
    for (int expert = 0; expert < expertCount; expert++) {
      if (counts[expert] > 0) {
        tokens[expert] = new int[counts[expert]];
        weights[expert] = new float[counts[expert]];
        counts[expert] = 0;
      }
    }
    forEach(
        choices,
        leftOut,
        (token, rank) -> {
          int expert = choices.expert(token, rank);
          tokens[expert][counts[expert]] = token;
          weights[expert][counts[expert]++] = choices.weight(token, rank);
        });
    List<ExpertTokens> work = new ArrayList<>();
    for (int expert = 0; expert < expertCount; expert++) {
      if (counts[expert] > 0) {
        work.add(new ExpertTokens(expert, tokens[expert], weights[expert]));
      }
    }
    return work;
  }

  private interface Visitor {
    void visit(int token, int rank);
  }

  private static void forEach(ExpertChoices choices, BitSet leftOut, Visitor visitor) {
    for (int token = 0; token < choices.tokens(); token++) {
      if (leftOut.get(token)) {
        continue;
      }
      for (int rank = 0; rank < choices.topK(); rank++) {
        if (!choices.identity(token, rank)) {
          visitor.visit(token, rank);
        }
      }
    }
  }
}
