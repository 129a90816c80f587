package dev.consilium.router.gating;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.consilium.model.family.GateRenormalisation;
import dev.consilium.model.family.GateScore;
import dev.consilium.model.family.GateSpec;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.testkit.Seeds;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The gate equals its definition, written down in double precision with a full sort. */
class GatingNetworkPropertyTest {
  private static final int CASES = 300;

  /** A float32 softmax over at most 96 terms; double precision on the other side. */
  private static final double TOLERANCE = 5e-6;

  @ParameterizedTest
  @CsvSource({"SOFTMAX_ALL,NONE", "SOFTMAX_ALL,SUM", "SOFTMAX_CHOSEN,NONE", "SOFTMAX_CHOSEN,SUM"})
  void choose_anyLogits_equalsDefinition(GateScore score, GateRenormalisation renormalisation) {
    SplittableRandom random = Seeds.random();
    for (int i = 0; i < CASES; i++) {
      int experts = 1 + random.nextInt(96);
      GateSpec spec =
          new GateSpec(
              experts,
              1 + random.nextInt(experts),
              score,
              renormalisation,
              random.nextBoolean() ? 1 : 0.5f + random.nextInt(5));
      int tokens = 1 + random.nextInt(5);
      float[][] logits = logits(random, tokens, experts);
      ExpertChoices choices = new GatingNetwork(spec).choose(matrix(logits), tokens);
      for (int token = 0; token < tokens; token++) {
        compare(spec, logits[token], choices, token);
      }
    }
  }

  private static void compare(GateSpec spec, float[] logits, ExpertChoices choices, int token) {
    List<Integer> best =
        IntStream.range(0, logits.length)
            .boxed()
            .sorted(
                Comparator.<Integer>comparingDouble(expert -> -logits[expert])
                    .thenComparing(Comparator.naturalOrder()))
            .limit(spec.topK())
            .toList();
    assertThat(choices.ofToken(0, token).experts())
        .as("%s of %s", spec, Arrays.toString(logits))
        .isEqualTo(best);
    double chosen = best.stream().mapToDouble(expert -> share(logits, expert)).sum();
    boolean ofChosen =
        spec.score() == GateScore.SOFTMAX_CHOSEN
            || spec.renormalisation() == GateRenormalisation.SUM;
    for (int rank = 0; rank < best.size(); rank++) {
      double wanted =
          share(logits, best.get(rank)) / (ofChosen ? chosen : 1) * spec.scalingFactor();
      assertThat((double) choices.weight(token, rank))
          .as("%s of %s, rank %d", spec, Arrays.toString(logits), rank)
          .isCloseTo(wanted, within(TOLERANCE * spec.scalingFactor()));
    }
  }

  private static double share(float[] logits, int expert) {
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp((double) logit - logits[expert]);
    }
    return 1 / sum;
  }

  /** Half of the cases on a coarse grid, so that equal logits are common. */
  private static float[][] logits(SplittableRandom random, int tokens, int experts) {
    boolean coarse = random.nextBoolean();
    float[][] logits = new float[tokens][experts];
    for (float[] row : logits) {
      for (int expert = 0; expert < experts; expert++) {
        row[expert] = coarse ? random.nextInt(4) * 0.5f : (float) random.nextGaussian() * 4;
      }
    }
    return logits;
  }

  private static F32Matrix matrix(float[][] rows) {
    F32Matrix matrix = F32Matrix.allocate(rows.length, rows[0].length);
    for (int row = 0; row < rows.length; row++) {
      matrix.writeRow(row, rows[row]);
    }
    return matrix;
  }
}
