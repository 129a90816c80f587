package dev.consilium.router.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.consilium.model.family.ShortConvolution;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.Kernels;
import dev.consilium.testkit.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * A short convolution over random shapes and weights: equals its formula in double, and gives the
 * same bits for any chunks, batch, threads and kernels.
 */
class ShortConvolutionStepPropertyTest {
  private static final int CASES = 30;
  private static final int HIDDEN = RecurrentSequences.HIDDEN;

  private final SplittableRandom random = Seeds.random();

  @Test
  void run_anyShape_equalsFormulaInDouble() {
    for (int i = 0; i < CASES; i++) {
      Layer layer = new Layer(shape());
      float[][] tokens = RecurrentSequences.tokens(random);
      float[][] actual =
          layer.run(List.<float[][]>of(tokens), tokens.length, 2, Kernels.best()).getFirst();
      double[][] expected = layer.inDouble(tokens);
      for (int t = 0; t < tokens.length; t++) {
        for (int j = 0; j < HIDDEN; j++) {
          assertThat((double) actual[t][j])
              .as("%s token %d element %d", layer.spec, t, j)
              .isCloseTo(expected[t][j], within(1e-5 * Math.max(1, Math.abs(expected[t][j]))));
        }
      }
    }
  }

  @Test
  void run_anyChunksBatchThreadsKernels_sameBits() {
    for (int i = 0; i < CASES; i++) {
      Layer layer = new Layer(shape());
      List<float[][]> sequences = new ArrayList<>();
      for (int s = 1 + random.nextInt(4); s > 0; s--) {
        sequences.add(RecurrentSequences.tokens(random));
      }
      int chunk = 1 + random.nextInt(9);
      List<float[][]> together = layer.run(sequences, chunk, 1 + random.nextInt(3), Kernels.best());
      for (int s = 0; s < sequences.size(); s++) {
        List<float[][]> one = List.<float[][]>of(sequences.get(s));
        float[][] alone =
            layer.run(one, RecurrentSequences.LONGEST, 1, Kernels.scalar()).getFirst();
        assertThat(together.get(s)).as("%s chunks of %d", layer.spec, chunk).isDeepEqualTo(alone);
      }
    }
  }

  @Test
  void stateBytes_anyShape_isTheWindow() {
    assertThat(RecurrentRows.stateBytes(new ShortConvolution(2048, 3, false)))
        .isEqualTo(4L * 2 * 2048);
  }

  private ShortConvolution shape() {
    return new ShortConvolution(
        1 + random.nextInt(150), 2 + random.nextInt(4), random.nextBoolean());
  }

  private float[] floats(int count, double scale) {
    return RecurrentSequences.floats(random, count, scale);
  }

  /** A layer with random weights. */
  private final class Layer {
    final ShortConvolution spec;
    final float[] input;
    final float[] inputBias;
    final float[] taps;
    final float[] bias;
    final float[] output;
    final float[] outputBias;

    Layer(ShortConvolution spec) {
      this.spec = spec;
      int channels = spec.channels();
      double biased = spec.biases() ? 0.3 : 0;
      input = floats(3 * channels * HIDDEN, 0.4);
      inputBias = floats(3 * channels, biased);
      taps = floats(spec.taps() * channels, 0.8);
      bias = floats(channels, biased);
      output = floats(HIDDEN * channels, 0.3);
      outputBias = floats(HIDDEN, biased);
    }

    List<float[][]> run(List<float[][]> sequences, int chunk, int threads, Kernels kernels) {
      try (ShortConvolutionWeights weights = weights()) {
        ShortConvolutionStep step = new ShortConvolutionStep(0, weights);
        return new RecurrentSequences(spec, step::run).run(sequences, chunk, threads, kernels);
      }
    }

    private ShortConvolutionWeights weights() {
      return new ShortConvolutionWeights(
          spec,
          RecurrentSequences.packed(input, HIDDEN),
          spec.biases() ? Optional.of(F32Vector.of(inputBias)) : Optional.empty(),
          new CausalConvolution(
              spec.channels(), spec.taps(), F32Vector.of(taps), F32Vector.of(bias)),
          RecurrentSequences.packed(output, spec.channels()),
          spec.biases() ? Optional.of(F32Vector.of(outputBias)) : Optional.empty());
    }

    double[][] inDouble(float[][] tokens) {
      List<double[]> gated = new ArrayList<>();
      double[][] results = new double[tokens.length][];
      int channels = spec.channels();
      for (int t = 0; t < tokens.length; t++) {
        double[] x = Plain.plus(Plain.product(input, Plain.doubles(tokens[t])), inputBias);
        double[] product = new double[channels];
        for (int c = 0; c < channels; c++) {
          product[c] = x[c] * x[2 * channels + c];
        }
        gated.add(product);
        double[] y = Plain.convolved(gated, taps, bias);
        for (int c = 0; c < channels; c++) {
          y[c] *= x[channels + c];
        }
        results[t] = Plain.plus(Plain.product(output, y), outputBias);
      }
      return results;
    }
  }
}
