package dev.consilium.router.forward;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.family.ShortConvolution;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.Kernels;
import dev.consilium.testkit.Seeds;
import java.util.ArrayList;
import java.util.List;
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
      new Layer(shape()).assertEqualsFormulas(random, 1e-5);
    }
  }

  @Test
  void run_anyChunksBatchThreadsKernels_sameBits() {
    for (int i = 0; i < CASES; i++) {
      new Layer(shape()).assertSameBits(random);
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
  private final class Layer implements RecurrentLayer {
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

    @Override
    public ShortConvolution spec() {
      return spec;
    }

    @Override
    public List<float[][]> run(List<float[][]> sequences, int chunk, int threads, Kernels kernels) {
      try (LoadedWeights loaded = new LoadedWeights()) {
        ShortConvolutionWeights weights = weights(loaded);
        ShortConvolutionStep step = new ShortConvolutionStep(0, weights);
        return new RecurrentSequences(spec, step).run(sequences, chunk, threads, kernels);
      }
    }

    private ShortConvolutionWeights weights(LoadedWeights loaded) {
      return new ShortConvolutionWeights(
          spec,
          RecurrentSequences.projections(
              loaded, input, inputBias, output, outputBias, spec.biases()),
          new CausalConvolution(
              spec.channels(), spec.taps(), F32Vector.of(taps), F32Vector.of(bias)));
    }

    @Override
    public double[][] inDouble(float[][] tokens) {
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
