package dev.consilium.router.forward;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.family.Mamba1;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.Kernels;
import dev.consilium.testkit.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * A layer of Mamba over random shapes and weights: equals its formulas in double, and gives the
 * same bits for any chunks, batch, threads and kernels.
 */
class Mamba1StepPropertyTest {
  private static final int CASES = 30;
  private static final int HIDDEN = RecurrentSequences.HIDDEN;
  private static final float EPSILON = 1e-5f;

  private final SplittableRandom random = Seeds.random();

  @Test
  void run_anyShape_equalsFormulasInDouble() {
    for (int i = 0; i < CASES; i++) {
      new Layer(shape()).assertEqualsFormulas(random, 2e-4);
    }
  }

  @Test
  void run_anyChunksBatchThreadsKernels_sameBits() {
    for (int i = 0; i < CASES; i++) {
      new Layer(shape()).assertSameBits(random);
    }
  }

  @Test
  void stateBytes_anyShape_isWindowAndStates() {
    assertThat(RecurrentRows.stateBytes(new Mamba1(8192, 16, 256, 4, true, false)))
        .isEqualTo(4L * (3 * 8192 + 16 * 8192));
  }

  private Mamba1 shape() {
    return new Mamba1(
        1 + random.nextInt(300),
        1 + random.nextInt(20),
        1 + random.nextInt(10),
        1 + random.nextInt(5),
        random.nextBoolean(),
        random.nextBoolean());
  }

  private float[] floats(int count, double scale) {
    return RecurrentSequences.floats(random, count, scale);
  }

  /** A layer with random weights, as plain arrays and as the step has them. */
  private final class Layer implements RecurrentLayer {
    final Mamba1 spec;
    final float[] input;
    final float[] inputBias;
    final float[] taps;
    final float[] bias;
    final float[] selection;
    final float[] stepNorm;
    final float[] keyNorm;
    final float[] queryNorm;
    final float[] steps;
    final float[] stepBias;
    final float[] rates;
    final float[] skip;
    final float[] output;
    final float[] outputBias;

    Layer(Mamba1 spec) {
      this.spec = spec;
      int channels = spec.channels();
      double biased = spec.projectionBiases() ? 0.3 : 0;
      input = floats(2 * channels * HIDDEN, 0.4);
      inputBias = floats(2 * channels, biased);
      taps = floats(spec.taps() * channels, 0.8);
      bias = floats(channels, spec.convolutionBias() ? 0.2 : 0);
      selection = floats(spec.selectionWidth() * channels, 0.3);
      stepNorm = floats(spec.rank(), 1);
      keyNorm = floats(spec.stateSize(), 1);
      queryNorm = floats(spec.stateSize(), 1);
      steps = floats(channels * spec.rank(), 0.5);
      stepBias = floats(channels, 1);
      rates = floats(spec.stateSize() * channels, 0.5);
      for (int i = 0; i < rates.length; i++) {
        rates[i] -= 0.6f;
      }
      skip = floats(channels, 1);
      output = floats(HIDDEN * channels, 0.3);
      outputBias = floats(HIDDEN, biased);
    }

    @Override
    public double[][] inDouble(float[][] tokens) {
      return new Reference(this).run(tokens);
    }

    @Override
    public Mamba1 spec() {
      return spec;
    }

    @Override
    public List<float[][]> run(List<float[][]> sequences, int chunk, int threads, Kernels kernels) {
      try (LoadedWeights loaded = new LoadedWeights()) {
        Mamba1Weights weights = weights(loaded);
        Mamba1Step step = new Mamba1Step(0, weights, EPSILON);
        return new RecurrentSequences(spec, step).run(sequences, chunk, threads, kernels);
      }
    }

    private Mamba1Weights weights(LoadedWeights loaded) {
      boolean biases = spec.projectionBiases();
      return new Mamba1Weights(
          spec,
          RecurrentSequences.projections(loaded, input, inputBias, output, outputBias, biases),
          new CausalConvolution(
              spec.channels(), spec.taps(), F32Vector.of(taps), F32Vector.of(bias)),
          new Mamba1Weights.Selection(
              RecurrentSequences.packed(loaded, selection, spec.channels()),
              F32Vector.of(stepNorm),
              F32Vector.of(keyNorm),
              F32Vector.of(queryNorm),
              RecurrentSequences.packed(loaded, steps, spec.rank()),
              F32Vector.of(stepBias)),
          F32Vector.of(rates),
          F32Vector.of(skip));
    }
  }

  /** The formulas in double, one token after the other, without a thought for speed. */
  private static final class Reference {
    private final Layer layer;
    private final int channels;
    private final int states;
    private final List<double[]> inputs = new ArrayList<>();
    private final double[][] state;

    Reference(Layer layer) {
      this.layer = layer;
      this.channels = layer.spec.channels();
      this.states = layer.spec.stateSize();
      this.state = new double[states][channels];
    }

    double[][] run(float[][] tokens) {
      double[][] results = new double[tokens.length][];
      for (int t = 0; t < tokens.length; t++) {
        results[t] = token(tokens[t]);
      }
      return results;
    }

    private double[] token(float[] hidden) {
      double[] both =
          Plain.plus(Plain.product(layer.input, Plain.doubles(hidden)), layer.inputBias);
      inputs.add(Plain.part(both, 0, channels));
      double[] x = Plain.convolved(inputs, layer.taps, layer.bias);
      x = Arrays.stream(x).map(Plain::silu).toArray();
      double[] y = recurred(x);
      for (int c = 0; c < channels; c++) {
        y[c] = (y[c] + layer.skip[c] * x[c]) * Plain.silu(both[channels + c]);
      }
      return Plain.plus(Plain.product(layer.output, y), layer.outputBias);
    }

    private double[] recurred(double[] x) {
      int rank = layer.spec.rank();
      double[] selected = Plain.product(layer.selection, x);
      double[] narrow = Plain.rmsNorm(Plain.part(selected, 0, rank), layer.stepNorm, EPSILON);
      double[] key = Plain.rmsNorm(Plain.part(selected, rank, states), layer.keyNorm, EPSILON);
      double[] query =
          Plain.rmsNorm(Plain.part(selected, rank + states, states), layer.queryNorm, EPSILON);
      double[] steps = Plain.plus(Plain.product(layer.steps, narrow), layer.stepBias);
      double[] y = new double[channels];
      for (int c = 0; c < channels; c++) {
        double step = Plain.softplus(steps[c]);
        for (int n = 0; n < states; n++) {
          state[n][c] *= Math.exp(layer.rates[n * channels + c] * step);
          state[n][c] += key[n] * step * x[c];
          y[c] += query[n] * state[n][c];
        }
      }
      return y;
    }
  }
}
