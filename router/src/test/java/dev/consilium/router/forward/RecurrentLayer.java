package dev.consilium.router.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.tensor.Kernels;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** A recurrent layer with random weights, as we compute it and as formulas; what holds for all. */
interface RecurrentLayer {

  RecurrentAttention spec();

  /** Every sequence through the layer, a chunk of each per step. */
  List<float[][]> run(List<float[][]> sequences, int chunk, int threads, Kernels kernels);

  /** One sequence, by the formulas in double. */
  double[][] inDouble(float[][] tokens);

  /** A random sequence comes out as the formulas say. */
  default void assertEqualsFormulas(SplittableRandom random, double tolerance) {
    float[][] tokens = RecurrentSequences.tokens(random);
    float[][] actual = run(List.<float[][]>of(tokens), tokens.length, 2, Kernels.best()).getFirst();
    double[][] expected = inDouble(tokens);
    for (int t = 0; t < tokens.length; t++) {
      for (int j = 0; j < RecurrentSequences.HIDDEN; j++) {
        assertThat((double) actual[t][j])
            .as("%s token %d element %d", spec(), t, j)
            .isCloseTo(expected[t][j], within(tolerance * Math.max(1, Math.abs(expected[t][j]))));
      }
    }
  }

  /** Random sequences come out alike alone and together, whatever chunks, threads, kernels. */
  default void assertSameBits(SplittableRandom random) {
    List<float[][]> sequences = new ArrayList<>();
    for (int s = 1 + random.nextInt(4); s > 0; s--) {
      sequences.add(RecurrentSequences.tokens(random));
    }
    int chunk = 1 + random.nextInt(9);
    List<float[][]> together = run(sequences, chunk, 1 + random.nextInt(3), Kernels.best());
    for (int s = 0; s < sequences.size(); s++) {
      List<float[][]> one = List.<float[][]>of(sequences.get(s));
      float[][] alone = run(one, RecurrentSequences.LONGEST, 1, Kernels.scalar()).getFirst();
      assertThat(together.get(s)).as("%s chunks of %d", spec(), chunk).isDeepEqualTo(alone);
    }
  }
}
