package dev.consilium.router.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.consilium.model.checkpoint.StackedMatrix;
import dev.consilium.model.family.GatedDeltaNet;
import dev.consilium.model.family.Mamba2;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.router.kvcache.CacheLayout;
import dev.consilium.router.kvcache.KvPool;
import dev.consilium.router.kvcache.LayerCache;
import dev.consilium.router.kvcache.SequenceCache;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.DType;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.PackedMatrix;
import dev.consilium.testkit.Seeds;
import io.opentelemetry.context.Context;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
class RecurrentStepPropertyTest {
  private static final int CASES = 40;
  private static final int LONGEST = 40;
  private static final int HIDDEN = 24;
  private static final float EPSILON = 1e-5f;

  private final SplittableRandom random = Seeds.random();

  @Test
  void run_anyShape_equalsFormulasInDouble() {
    for (int i = 0; i < CASES; i++) {
      Layer layer = new Layer(shape());
      float[][] tokens = tokens(1 + random.nextInt(LONGEST));
      float[][] actual =
          layer.run(List.<float[][]>of(tokens), LONGEST, 2, Kernels.best()).getFirst();
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
        sequences.add(tokens(1 + random.nextInt(LONGEST)));
      }
      int chunk = 1 + random.nextInt(9);
      List<float[][]> together = layer.run(sequences, chunk, 1 + random.nextInt(3), Kernels.best());
      for (int s = 0; s < sequences.size(); s++) {
        float[][] alone =
            layer
                .run(List.<float[][]>of(sequences.get(s)), LONGEST, 1, Kernels.scalar())
                .getFirst();
        assertThat(together.get(s)).as("%s chunks of %d", layer.spec, chunk).isDeepEqualTo(alone);
      }
    }
  }

  @Test
  void stateBytes_anyShape_isWindowAndMatrices() {
    RecurrentAttention spec = new GatedDeltaNet(32, 16, 128, 128, 4);
    assertThat(RecurrentStep.stateBytes(spec))
        .isEqualTo(4L * (3 * (2 * 16 * 128 + 32 * 128) + 32 * 128 * 128));
  }

  private RecurrentAttention shape() {
    int keyHeads = 1 + random.nextInt(3);
    int heads = keyHeads * (1 + random.nextInt(3));
    int keyDim = 1 + random.nextInt(40);
    int valueDim = 1 + random.nextInt(150);
    int taps = 1 + random.nextInt(5);
    return random.nextBoolean()
        ? new GatedDeltaNet(heads, keyHeads, keyDim, valueDim, taps)
        : new Mamba2(heads, keyHeads, keyDim, valueDim, taps, true, 0.2f, 1.5f);
  }

  private float[][] tokens(int count) {
    float[][] tokens = new float[count][];
    for (int t = 0; t < count; t++) {
      tokens[t] = floats(HIDDEN, 1);
    }
    return tokens;
  }

  private float[] floats(int count, double scale) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (scale * (2 * random.nextDouble() - 1));
    }
    return values;
  }

  /** A layer with random weights, as plain arrays and as the step has them. */
  private final class Layer {
    final RecurrentAttention spec;
    final float[] projection;
    final float[] convolution;
    final float[] convolutionBias;
    final float[] timeStepBias;
    final float[] decayRate;
    final float[] skip;
    final float[] norm;
    final float[] output;

    Layer(RecurrentAttention spec) {
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
      try (CpuDevice device = new CpuDevice(threads, kernels);
          KvPool pool =
              new KvPool(
                  new CacheLayout(List.of(LayerCache.ofState(RecurrentStep.stateBytes(spec)))),
                  sequences.size() * KvPool.blocksFor(LONGEST),
                  sequences.size(),
                  sequences.size() * LONGEST);
          RecurrentWeights weights = weights()) {
        List<SequenceCache> caches = new ArrayList<>();
        List<float[][]> results = new ArrayList<>();
        for (float[][] sequence : sequences) {
          SequenceCache cache = new SequenceCache(pool);
          cache.reserve(sequence.length);
          cache.state(0).fill((byte) 0x7f); // what another sequence may have left: NaN
          caches.add(cache);
          results.add(new float[sequence.length][HIDDEN]);
        }
        RecurrentStep step = new RecurrentStep(0, weights, EPSILON);
        for (int from = 0; from < LONGEST; from += chunk) {
          step(device, step, caches, sequences, from, chunk, results);
        }
        return results;
      }
    }

    private void step(
        CpuDevice device,
        RecurrentStep step,
        List<SequenceCache> caches,
        List<float[][]> sequences,
        int from,
        int chunk,
        List<float[][]> results) {
      List<BatchSlice> slices = new ArrayList<>();
      List<Integer> which = new ArrayList<>();
      for (int s = 0; s < sequences.size(); s++) {
        int count = Math.min(chunk, sequences.get(s).length - from);
        if (count > 0) {
          which.add(s);
          slices.add(
              new BatchSlice(
                  caches.get(s),
                  new int[0],
                  from,
                  count,
                  from + count,
                  BatchSlice.Logits.NONE,
                  false,
                  Context.root()));
        }
      }
      BatchRows batch = new BatchRows(slices);
      F32Matrix input = F32Matrix.allocate(batch.count, HIDDEN);
      F32Matrix result = F32Matrix.allocate(batch.count, HIDDEN);
      for (int row = 0; row < batch.count; row++) {
        input.writeRow(row, sequences.get(which.get(batch.slice[row]))[batch.position[row]]);
      }
      step.run(device, batch, RecurrentRows.of(List.of(spec), batch.count), input, result);
      for (int row = 0; row < batch.count; row++) {
        result.readRow(row, results.get(which.get(batch.slice[row]))[batch.position[row]]);
      }
    }

    private RecurrentWeights weights() {
      return new RecurrentWeights(
          spec,
          new StackedMatrix(List.of(packed(projection, HIDDEN))),
          F32Vector.of(convolution),
          F32Vector.of(convolutionBias),
          F32Vector.of(timeStepBias),
          F32Vector.of(decayRate),
          spec instanceof Mamba2 ? Optional.of(F32Vector.of(skip)) : Optional.empty(),
          F32Vector.of(norm),
          packed(output, spec.valueWidth()));
    }

    private static PackedMatrix packed(float[] values, int columns) {
      MemorySegment memory = Arena.ofAuto().allocate(4L * values.length, 64);
      MemorySegment.copy(values, 0, memory, ValueLayout.JAVA_FLOAT, 0, values.length);
      return PackedMatrix.pack(DType.F32, columns, List.of(memory));
    }
  }

  /** The formulas in double, one token after the other, without a thought for speed. */
  private static final class Reference {
    private final Layer layer;
    private final RecurrentAttention spec;
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
      double[] input = product(layer.projection, doubles(hidden));
      inputs.add(input);
      double[] x = convolved();
      double[] read = new double[spec.valueWidth()];
      for (int head = 0; head < spec.heads(); head++) {
        head(head, input, x, read);
      }
      finish(input, read);
      return product(layer.output, read);
    }

    private double[] convolved() {
      double[] x = new double[spec.channels()];
      for (int c = 0; c < x.length; c++) {
        double sum = layer.convolutionBias[c];
        for (int back = 0; back < spec.taps() && back < inputs.size(); back++) {
          double tap = layer.convolution[(spec.taps() - 1 - back) * x.length + c];
          sum += tap * inputs.get(inputs.size() - 1 - back)[c];
        }
        x[c] = silu(sum);
      }
      return x;
    }

    private void head(int head, double[] input, double[] x, double[] read) {
      int keyHead = head * spec.keyHeads() / spec.heads();
      double[] query = part(x, keyHead * spec.keyDim(), spec.keyDim());
      double[] key = part(x, spec.keyWidth() + keyHead * spec.keyDim(), spec.keyDim());
      double[] value = part(x, 2 * spec.keyWidth() + head * spec.valueDim(), spec.valueDim());
      int scalars = spec.channels() + spec.valueWidth();
      double first = input[scalars + head];
      double[][] state = states[head];
      double[] result;
      if (spec instanceof Mamba2 mamba) {
        double step = Math.log(1 + Math.exp(first + layer.timeStepBias[head]));
        step = Math.min(Math.max(step, mamba.least()), mamba.most());
        decay(state, Math.exp(layer.decayRate[head] * step));
        write(state, key, times(value, step));
        result = read(state, query);
        for (int j = 0; j < result.length; j++) {
          result[j] += layer.skip[head] * value[j];
        }
      } else {
        double second = input[scalars + spec.heads() + head];
        double step = Math.log(1 + Math.exp(second + layer.timeStepBias[head]));
        query = times(query, 1 / Math.sqrt(dot(query, query) + 1e-6) / Math.sqrt(spec.keyDim()));
        key = times(key, 1 / Math.sqrt(dot(key, key) + 1e-6));
        decay(state, Math.exp(layer.decayRate[head] * step));
        double[] remembered = read(state, key);
        for (int j = 0; j < value.length; j++) {
          value[j] -= remembered[j];
        }
        write(state, key, times(value, 1 / (1 + Math.exp(-first))));
        result = read(state, query);
      }
      System.arraycopy(result, 0, read, head * spec.valueDim(), result.length);
    }

    private void finish(double[] input, double[] read) {
      boolean mamba = spec instanceof Mamba2;
      int ofNorm = mamba ? spec.valueWidth() : spec.valueDim();
      for (int i = 0; i < read.length; i++) {
        read[i] *= mamba ? silu(input[spec.channels() + i]) : 1;
      }
      for (int from = 0; from < read.length; from += ofNorm) {
        double[] part = part(read, from, ofNorm);
        double factor = 1 / Math.sqrt(dot(part, part) / ofNorm + EPSILON);
        for (int i = 0; i < ofNorm; i++) {
          read[from + i] = part[i] * factor * layer.norm[i];
        }
      }
      for (int i = 0; i < read.length; i++) {
        read[i] *= mamba ? 1 : silu(input[spec.channels() + i]);
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

    private static double[] product(float[] matrix, double[] x) {
      double[] y = new double[matrix.length / x.length];
      for (int i = 0; i < y.length; i++) {
        for (int k = 0; k < x.length; k++) {
          y[i] += matrix[i * x.length + k] * x[k];
        }
      }
      return y;
    }

    private static double[] doubles(float[] values) {
      double[] doubles = new double[values.length];
      for (int i = 0; i < values.length; i++) {
        doubles[i] = values[i];
      }
      return doubles;
    }

    private static double[] part(double[] values, int from, int count) {
      return Arrays.copyOfRange(values, from, from + count);
    }

    private static double[] times(double[] values, double factor) {
      return Arrays.stream(values).map(value -> value * factor).toArray();
    }

    private static double dot(double[] a, double[] b) {
      double sum = 0;
      for (int i = 0; i < a.length; i++) {
        sum += a[i] * b[i];
      }
      return sum;
    }

    private static double silu(double x) {
      return x / (1 + Math.exp(-x));
    }
  }
}
