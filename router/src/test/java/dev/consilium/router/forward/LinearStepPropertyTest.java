package dev.consilium.router.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.consilium.model.checkpoint.StackedMatrix;
import dev.consilium.model.family.GatedDeltaNet;
import dev.consilium.model.family.LinearAttention;
import dev.consilium.model.family.Mamba2;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.Kernels;
import dev.consilium.testkit.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * A recurrent layer over random shapes and weights: equals the formulas written down plainly in
 * double, and gives the same bits for any chunks, batch, threads and kernels.
 */
class LinearStepPropertyTest {
  private static final int CASES = 40;
  private static final int HIDDEN = RecurrentSequences.HIDDEN;
  private static final float EPSILON = 1e-5f;

  private final SplittableRandom random = Seeds.random();

  @Test
  void run_anyShape_equalsFormulasInDouble() {
    for (int i = 0; i < CASES; i++) {
      Layer layer = new Layer(shape());
      float[][] tokens = RecurrentSequences.tokens(random);
      float[][] actual =
          layer
              .run(List.<float[][]>of(tokens), RecurrentSequences.LONGEST, 2, Kernels.best())
              .getFirst();
      double[][] expected = new Reference(layer).run(tokens);
      for (int t = 0; t < tokens.length; t++) {
        for (int j = 0; j < HIDDEN; j++) {
          assertThat((double) actual[t][j])
              .as("%s token %d element %d", layer.spec, t, j)
              .isCloseTo(expected[t][j], within(2e-4 * Math.max(1, Math.abs(expected[t][j]))));
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
        float[][] alone =
            layer
                .run(
                    List.<float[][]>of(sequences.get(s)),
                    RecurrentSequences.LONGEST,
                    1,
                    Kernels.scalar())
                .getFirst();
        assertThat(together.get(s)).as("%s chunks of %d", layer.spec, chunk).isDeepEqualTo(alone);
      }
    }
  }

  @Test
  void stateBytes_anyShape_isWindowAndMatrices() {
    LinearAttention spec = new GatedDeltaNet(32, 16, 128, 128, 4);
    assertThat(RecurrentRows.stateBytes(spec))
        .isEqualTo(4L * (3 * (2 * 16 * 128 + 32 * 128) + 32 * 128 * 128));
  }

  private LinearAttention shape() {
    int keyHeads = 1 + random.nextInt(3);
    int heads = keyHeads * (1 + random.nextInt(3));
    int keyDim = 1 + random.nextInt(40);
    int valueDim = 1 + random.nextInt(150);
    int taps = 1 + random.nextInt(5);
    return random.nextBoolean()
        ? new GatedDeltaNet(heads, keyHeads, keyDim, valueDim, taps)
        : new Mamba2(heads, keyHeads, keyDim, valueDim, taps, true, 0.2f, 1.5f);
  }

  private float[] floats(int count, double scale) {
    return RecurrentSequences.floats(random, count, scale);
  }

  /** A layer with random weights, as plain arrays and as the step has them. */
  private final class Layer {
    final LinearAttention spec;
    final float[] projection;
    final float[] convolution;
    final float[] convolutionBias;
    final float[] timeStepBias;
    final float[] decayRate;
    final float[] skip;
    final float[] norm;
    final float[] output;

    Layer(LinearAttention spec) {
      this.spec = spec;
      boolean mamba = spec instanceof Mamba2;
      projection = floats(spec.projectionWidth() * HIDDEN, 0.4);
      convolution = floats(spec.taps() * spec.channels(), 0.8);
      convolutionBias = floats(spec.channels(), mamba ? 0.2 : 0);
      timeStepBias = floats(spec.heads(), 1);
      decayRate = floats(spec.heads(), 0.5);
      for (int i = 0; i < decayRate.length; i++) {
        decayRate[i] -= 0.6f;
      }
      skip = floats(spec.heads(), 1);
      norm = floats(mamba ? spec.valueWidth() : spec.valueDim(), 1);
      output = floats(HIDDEN * spec.valueWidth(), 0.3);
    }

    /** Every sequence through the layer, a chunk of each per step. */
    List<float[][]> run(List<float[][]> sequences, int chunk, int threads, Kernels kernels) {
      try (LinearWeights weights = weights()) {
        LinearStep step = new LinearStep(0, weights, EPSILON);
        return new RecurrentSequences(spec, step::run).run(sequences, chunk, threads, kernels);
      }
    }

    private LinearWeights weights() {
      return new LinearWeights(
          spec,
          new StackedMatrix(List.of(RecurrentSequences.packed(projection, HIDDEN))),
          new CausalConvolution(
              spec.channels(),
              spec.taps(),
              F32Vector.of(convolution),
              F32Vector.of(convolutionBias)),
          F32Vector.of(timeStepBias),
          F32Vector.of(decayRate),
          spec instanceof Mamba2 ? Optional.of(F32Vector.of(skip)) : Optional.empty(),
          F32Vector.of(norm),
          RecurrentSequences.packed(output, spec.valueWidth()));
    }
  }

  /** The formulas in double, one token after the other, without a thought for speed. */
  private static final class Reference {
    private final Layer layer;
    private final LinearAttention spec;
    private final List<double[]> inputs = new ArrayList<>();
    private final double[][][] states;

    Reference(Layer layer) {
      this.layer = layer;
      this.spec = layer.spec;
      this.states = new double[spec.heads()][spec.keyDim()][spec.valueDim()];
    }

    double[][] run(float[][] tokens) {
      double[][] results = new double[tokens.length][];
      for (int t = 0; t < tokens.length; t++) {
        results[t] = token(tokens[t]);
      }
      return results;
    }

    private double[] token(float[] hidden) {
      double[] input = Plain.product(layer.projection, Plain.doubles(hidden));
      inputs.add(input);
      double[] x = convolved();
      double[] read = new double[spec.valueWidth()];
      for (int head = 0; head < spec.heads(); head++) {
        head(head, input, x, read);
      }
      finish(input, read);
      return Plain.product(layer.output, read);
    }

    private double[] convolved() {
      double[] x = Plain.convolved(inputs, layer.convolution, layer.convolutionBias);
      return Arrays.stream(x).map(Plain::silu).toArray();
    }

    private void head(int head, double[] input, double[] x, double[] read) {
      int keyHead = head * spec.keyHeads() / spec.heads();
      double[] query = Plain.part(x, keyHead * spec.keyDim(), spec.keyDim());
      double[] key = Plain.part(x, spec.keyWidth() + keyHead * spec.keyDim(), spec.keyDim());
      double[] value = Plain.part(x, 2 * spec.keyWidth() + head * spec.valueDim(), spec.valueDim());
      int scalars = spec.channels() + spec.valueWidth();
      double first = input[scalars + head];
      double[][] state = states[head];
      double[] result;
      if (spec instanceof Mamba2 mamba) {
        double step = Plain.softplus(first + layer.timeStepBias[head]);
        step = Math.min(Math.max(step, mamba.least()), mamba.most());
        decay(state, Math.exp(layer.decayRate[head] * step));
        write(state, key, Plain.times(value, step));
        result = read(state, query);
        for (int j = 0; j < result.length; j++) {
          result[j] += layer.skip[head] * value[j];
        }
      } else {
        double second = input[scalars + spec.heads() + head];
        double step = Plain.softplus(second + layer.timeStepBias[head]);
        query =
            Plain.times(
                query, 1 / Math.sqrt(Plain.dot(query, query) + 1e-6) / Math.sqrt(spec.keyDim()));
        key = Plain.times(key, 1 / Math.sqrt(Plain.dot(key, key) + 1e-6));
        decay(state, Math.exp(layer.decayRate[head] * step));
        double[] remembered = read(state, key);
        for (int j = 0; j < value.length; j++) {
          value[j] -= remembered[j];
        }
        write(state, key, Plain.times(value, 1 / (1 + Math.exp(-first))));
        result = read(state, query);
      }
      System.arraycopy(result, 0, read, head * spec.valueDim(), result.length);
    }

    private void finish(double[] input, double[] read) {
      boolean mamba = spec instanceof Mamba2;
      int ofNorm = mamba ? spec.valueWidth() : spec.valueDim();
      for (int i = 0; i < read.length; i++) {
        read[i] *= mamba ? Plain.silu(input[spec.channels() + i]) : 1;
      }
      for (int from = 0; from < read.length; from += ofNorm) {
        double[] part = Plain.part(read, from, ofNorm);
        double factor = 1 / Math.sqrt(Plain.dot(part, part) / ofNorm + EPSILON);
        for (int i = 0; i < ofNorm; i++) {
          read[from + i] = part[i] * factor * layer.norm[i];
        }
      }
      for (int i = 0; i < read.length; i++) {
        read[i] *= mamba ? 1 : Plain.silu(input[spec.channels() + i]);
      }
    }

    private static void decay(double[][] state, double by) {
      for (double[] row : state) {
        for (int j = 0; j < row.length; j++) {
          row[j] *= by;
        }
      }
    }

    private static void write(double[][] state, double[] key, double[] value) {
      for (int i = 0; i < key.length; i++) {
        for (int j = 0; j < value.length; j++) {
          state[i][j] += key[i] * value[j];
        }
      }
    }

    private static double[] read(double[][] state, double[] at) {
      double[] result = new double[state[0].length];
      for (int i = 0; i < at.length; i++) {
        for (int j = 0; j < result.length; j++) {
          result[j] += at[i] * state[i][j];
        }
      }
      return result;
    }
  }
}
