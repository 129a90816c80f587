package dev.consilium.router.forward;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.family.ChannelDeltaNet;
import dev.consilium.model.family.GatedDeltaNet;
import dev.consilium.model.family.LightningAttention;
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
import java.util.stream.DoubleStream;
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
    return switch (random.nextInt(4)) {
      case 0 -> new GatedDeltaNet(heads, keyHeads, keyDim, valueDim, taps);
      case 1 -> new ChannelDeltaNet(heads, keyDim, 1 + random.nextInt(9), taps);
      case 2 -> new LightningAttention(heads, keyDim, random.nextDouble(), EPSILON);
      default ->
          new Mamba2(
              heads,
              keyHeads,
              keyDim,
              valueDim,
              taps,
              random.nextBoolean() ? 1 : heads,
              true,
              random.nextBoolean(),
              0.2f,
              1.5f);
    };
  }

  private float[] floats(int count, double scale) {
    return RecurrentSequences.floats(random, count, scale);
  }

  /** A layer with random weights, as plain arrays and as the step has them. */
  private final class Layer implements RecurrentLayer {
    final LinearAttention spec;
    final boolean inTurns = random.nextBoolean();
    final float[] projection;
    final float[] projectionBias;
    final float[] decays;
    final float[] gates;
    final float[] convolution;
    final float[] convolutionBias;
    final float[] timeStepBias;
    final float[] decayRate;
    final float[] skip;
    final float[] norm;
    final float[] output;
    final float[] outputBias;

    Layer(LinearAttention spec) {
      this.spec = spec;
      boolean mamba = spec instanceof Mamba2;
      boolean lightning = spec instanceof LightningAttention;
      int rank = spec instanceof ChannelDeltaNet delta ? delta.rank() : 1;
      int rows = spec.projectionWidth() - (spec instanceof ChannelDeltaNet ? spec.valueWidth() : 0);
      double biased = mamba && ((Mamba2) spec).projectionBiases() ? 0.3 : 0;
      projection = floats(rows * HIDDEN, 0.4);
      projectionBias = floats(rows, biased);
      decays = floats(spec.keyWidth() * rank, 1);
      gates = floats(spec.valueWidth() * rank, 1);
      convolution = floats(spec.taps() * spec.channels(), 0.8);
      if (lightning) {
        Arrays.fill(convolution, 1);
      }
      convolutionBias = floats(spec.channels(), mamba ? 0.2 : 0);
      timeStepBias = floats(spec.heads() * spec.decays(), lightning ? 0 : 1);
      decayRate = floats(spec.heads(), 0.5);
      for (int i = 0; i < decayRate.length; i++) {
        decayRate[i] -= 0.6f;
      }
      skip = floats(spec.heads(), 1);
      norm = floats(mamba || lightning ? spec.valueWidth() : spec.valueDim(), 1);
      output = floats(HIDDEN * spec.valueWidth(), 0.3);
      outputBias = floats(HIDDEN, biased);
    }

    @Override
    public double[][] inDouble(float[][] tokens) {
      return new Reference(this).run(tokens);
    }

    @Override
    public LinearAttention spec() {
      return spec;
    }

    @Override
    public List<float[][]> run(List<float[][]> sequences, int chunk, int threads, Kernels kernels) {
      try (LoadedWeights loaded = new LoadedWeights()) {
        LinearWeights weights = weights(loaded);
        LinearStep step = new LinearStep(0, weights, EPSILON);
        return new RecurrentSequences(spec, step).run(sequences, chunk, threads, kernels);
      }
    }

    private LinearWeights weights(LoadedWeights loaded) {
      boolean biases = spec instanceof Mamba2 mamba && mamba.projectionBiases();
      return new LinearWeights(
          spec,
          inTurns,
          RecurrentSequences.projections(
              loaded, projection, projectionBias, output, outputBias, biases),
          spec instanceof ChannelDeltaNet delta
              ? Optional.of(
                  new LinearWeights.Narrow(
                      RecurrentSequences.packed(loaded, decays, delta.rank()),
                      RecurrentSequences.packed(loaded, gates, delta.rank())))
              : Optional.empty(),
          spec instanceof LightningAttention
              ? Optional.empty()
              : Optional.of(
                  new CausalConvolution(
                      spec.channels(),
                      spec.taps(),
                      F32Vector.of(convolution),
                      F32Vector.of(convolutionBias))),
          F32Vector.of(timeStepBias),
          F32Vector.of(decayRate),
          spec instanceof Mamba2 ? Optional.of(F32Vector.of(skip)) : Optional.empty(),
          F32Vector.of(norm));
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
      double[] input =
          Plain.plus(Plain.product(layer.projection, Plain.doubles(hidden)), layer.projectionBias);
      inputs.add(input);
      double[] x = convolved();
      double[] read = new double[spec.valueWidth()];
      for (int head = 0; head < spec.heads(); head++) {
        head(head, input, x, read);
      }
      finish(input, read);
      return Plain.plus(Plain.product(layer.output, read), layer.outputBias);
    }

    private double[] convolved() {
      double[] x = Plain.convolved(inputs, layer.convolution, layer.convolutionBias);
      return Arrays.stream(x).map(Plain::silu).toArray();
    }

    private void head(int head, double[] input, double[] x, double[] read) {
      int keyHead = layer.inTurns ? head % spec.keyHeads() : head * spec.keyHeads() / spec.heads();
      double[] query = Plain.part(x, keyHead * spec.keyDim(), spec.keyDim());
      double[] key = Plain.part(x, spec.keyWidth() + keyHead * spec.keyDim(), spec.keyDim());
      double[] value = Plain.part(x, 2 * spec.keyWidth() + head * spec.valueDim(), spec.valueDim());
      double[][] state = states[head];
      double strength = decayed(head, input, state);
      boolean corrects = spec instanceof GatedDeltaNet || spec instanceof ChannelDeltaNet;
      double[] written = value.clone();
      if (corrects) {
        query =
            Plain.times(
                query, 1 / Math.sqrt(Plain.dot(query, query) + 1e-6) / Math.sqrt(spec.keyDim()));
        key = Plain.times(key, 1 / Math.sqrt(Plain.dot(key, key) + 1e-6));
        double[] remembered = read(state, key);
        for (int j = 0; j < written.length; j++) {
          written[j] -= remembered[j];
        }
      }
      write(state, key, Plain.times(written, strength));
      double[] result = read(state, query);
      if (spec instanceof Mamba2) {
        for (int j = 0; j < result.length; j++) {
          result[j] += layer.skip[head] * value[j];
        }
      }
      System.arraycopy(result, 0, read, head * spec.valueDim(), result.length);
    }

    /** Lets a state decay; returns the strength of what is written next. */
    private double decayed(int head, double[] input, double[][] state) {
      double rate = layer.decayRate[head];
      return switch (spec) {
        case LightningAttention _ -> {
          decay(state, Math.exp(rate));
          yield 1;
        }
        case Mamba2 mamba -> {
          double scalar = input[spec.channels() + spec.valueWidth() + head];
          double step = Plain.softplus(scalar + layer.timeStepBias[head]);
          step = Math.min(Math.max(step, mamba.least()), mamba.most());
          decay(state, Math.exp(rate * step));
          yield step;
        }
        case GatedDeltaNet _ -> {
          int scalars = spec.channels() + spec.valueWidth();
          double scalar = input[scalars + spec.heads() + head];
          decay(state, Math.exp(rate * Plain.softplus(scalar + layer.timeStepBias[head])));
          yield Plain.sigmoid(input[scalars + head]);
        }
        case ChannelDeltaNet delta -> {
          double[] narrow = Plain.part(input, spec.channels(), delta.rank());
          double[] steps = Plain.plus(Plain.product(layer.decays, narrow), layer.timeStepBias);
          for (int i = 0; i < delta.headDim(); i++) {
            double by = Math.exp(rate * Plain.softplus(steps[head * delta.headDim() + i]));
            state[i] = Plain.times(state[i], by);
          }
          yield Plain.sigmoid(input[spec.channels() + 2 * delta.rank() + head]);
        }
      };
    }

    private void finish(double[] input, double[] read) {
      boolean gatedFirst = spec instanceof Mamba2;
      double[] gates = gates(input);
      for (int i = 0; i < read.length; i++) {
        read[i] *= gatedFirst ? gates[i] : 1;
      }
      int ofNorm =
          switch (spec) {
            case GatedDeltaNet _, ChannelDeltaNet _ -> spec.valueDim();
            case LightningAttention _ -> read.length;
            case Mamba2 mamba -> read.length / mamba.normGroups();
          };
      for (int from = 0; from < read.length; from += ofNorm) {
        int first = layer.norm.length == read.length ? from : 0;
        float[] weight = Arrays.copyOfRange(layer.norm, first, first + ofNorm);
        double[] normed = Plain.rmsNorm(Plain.part(read, from, ofNorm), weight, EPSILON);
        System.arraycopy(normed, 0, read, from, ofNorm);
      }
      for (int i = 0; i < read.length; i++) {
        read[i] *= gatedFirst ? 1 : gates[i];
      }
    }

    private double[] gates(double[] input) {
      return switch (spec) {
        case GatedDeltaNet _, Mamba2 _ -> gatesAt(input).map(Plain::silu).toArray();
        case LightningAttention _ -> gatesAt(input).map(Plain::sigmoid).toArray();
        case ChannelDeltaNet delta -> {
          double[] narrow = Plain.part(input, spec.channels() + delta.rank(), delta.rank());
          yield Arrays.stream(Plain.product(layer.gates, narrow)).map(Plain::sigmoid).toArray();
        }
      };
    }

    private DoubleStream gatesAt(double[] input) {
      return Arrays.stream(Plain.part(input, spec.channels(), spec.valueWidth()));
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
