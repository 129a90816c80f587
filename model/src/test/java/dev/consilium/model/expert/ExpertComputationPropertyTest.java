package dev.consilium.model.expert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.family.Activation;
import dev.consilium.model.family.BlockBody;
import dev.consilium.model.family.BlockNames;
import dev.consilium.model.family.DenseFeedForward;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.tensor.Bf16;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.Kernels;
import dev.consilium.testkit.Fixtures;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Experts compute what a plain rewrite in double computes, with the same bits for any grouping. */
final class ExpertComputationPropertyTest {

  private static final int TOKENS = 13;

  /** Float32 against double over inner sizes of at most 256; a hundred times what is observed. */
  private static final double TOLERANCE = 1e-5;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ernie4_5-moe-bias",
        "mixtral",
        "mixtral-swa",
        "qwen3-moe-rope-parameters",
        "olmoe",
        "nemotron_h",
        "nemotron_h-latent"
      })
  void compute_randomWork_equalsTheDoubleOracle(String model) {
    Random random = new Random(7);
    try (Setup setup = new Setup(Checkpoint.open(Fixtures.model(model)), 2, Kernels.best())) {
      int layer = setup.checkpoint.spec().expertLayers().getFirst().index();
      List<ExpertTokens> work = randomWork(setup.expertCount(layer), random);
      F32Matrix hidden = randomHidden(setup.expertWidth(), random);
      F32Matrix result = setup.computation.compute(setup.bank, layer, hidden, work, RoundTo.F32);
      int row = 0;
      for (ExpertTokens tokens : work) {
        Oracle oracle = setup.oracle(layer, tokens.expert());
        for (int i = 0; i < tokens.count(); i++, row++) {
          double[] wanted = oracle.compute(row(hidden, tokens.token(i)));
          for (int column = 0; column < wanted.length; column++) {
            assertThat((double) result.get(row, column))
                .as(
                    "%s, expert %d, token %d, column %d",
                    model, tokens.expert(), tokens.token(i), column)
                .isCloseTo(wanted[column] * tokens.weight(i), within(TOLERANCE));
          }
        }
      }
      assertThat(result.rows()).isEqualTo(row);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "qwen2-moe,1",
    "qwen2-moe,2",
    "qwen2-moe,3",
    "qwen2-moe,4",
    "qwen2-moe,5",
    "qwen2-moe,6",
    "nemotron_h,7",
    "nemotron_h,8",
    "nemotron_h-latent,9",
    "nemotron_h-latent,10"
  })
  void compute_anyGroupingThreadsAndKernels_givesTheSameBits(String model, long seed) {
    Random random = new Random(seed);
    try (Setup one = new Setup(Checkpoint.open(Fixtures.model(model)), 1, Kernels.scalar());
        Setup two = new Setup(Checkpoint.open(Fixtures.model(model)), 2, Kernels.best())) {
      int layer = one.checkpoint.spec().expertLayers().getLast().index();
      F32Matrix hidden = randomHidden(one.expertWidth(), random);
      for (RoundTo rounding : RoundTo.values()) {
        List<ExpertTokens> work = randomWork(one.expertCount(layer), random);
        List<float[]> together =
            rows(two.computation.compute(two.bank, layer, hidden, work, rounding));
        List<ExpertTokens> pairs =
            work.stream().flatMap(ExpertComputationPropertyTest::pairs).toList();
        List<float[]> alone = new ArrayList<>();
        for (ExpertTokens pair : pairs) {
          alone.addAll(
              rows(one.computation.compute(one.bank, layer, hidden, List.of(pair), rounding)));
        }
        assertBitsEqual(seed, alone, together);
        assertBitsEqual(seed, alone, shuffled(two, layer, hidden, pairs, rounding, random));
      }
    }
  }

  @Test
  void compute_roundToBf16_roundsTheWeightedOutput() {
    Random random = new Random(3);
    try (Setup setup = new Setup(Checkpoint.open(Fixtures.model("mixtral")), 1, Kernels.best())) {
      F32Matrix hidden = randomHidden(setup.hiddenSize(), random);
      List<ExpertTokens> work = randomWork(8, random);
      List<float[]> exact =
          rows(setup.computation.compute(setup.bank, 1, hidden, work, RoundTo.F32));
      F32Matrix rounded = setup.computation.compute(setup.bank, 1, hidden, work, RoundTo.BF16);
      for (int row = 0; row < exact.size(); row++) {
        for (int column = 0; column < rounded.columns(); column++) {
          assertThat(rounded.get(row, column)).isEqualTo(Bf16.round(exact.get(row)[column]));
        }
      }
    }
  }

  @Test
  void compute_noWork_givesNoRows() {
    try (Setup setup = new Setup(Checkpoint.open(Fixtures.model("mixtral")), 1, Kernels.best())) {
      F32Matrix hidden = randomHidden(setup.hiddenSize(), new Random(1));
      assertThat(setup.computation.compute(setup.bank, 0, hidden, List.of(), RoundTo.F32).rows())
          .isZero();
      ExpertTokens none = new ExpertTokens(1, new int[0], new float[0]);
      assertThat(
              setup.computation.compute(setup.bank, 0, hidden, List.of(none), RoundTo.F32).rows())
          .isZero();
    }
  }

  @ParameterizedTest
  @CsvSource({"qwen2-moe,1,false", "ernie4_5-moe-bias,0,true", "nemotron_h,3,false"})
  void gatedFeedForward_denseLayer_equalsTheDoubleOracle(String name, int layer, boolean biases) {
    Random random = new Random(5);
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model(name));
        CpuDevice device = new CpuDevice(2)) {
      BlockNames names = checkpoint.spec().names().feedForward(layer).dense();
      DenseFeedForward dense =
          (DenseFeedForward) checkpoint.spec().layers().get(layer).feedForward();
      assertThat(dense.body().biases()).isEqualTo(biases);
      try (FeedForwardBlock block =
          FeedForwardBlock.load(
              checkpoint,
              names,
              dense.intermediateSize(),
              dense.body(),
              new BlockComputation(device))) {
        F32Matrix hidden = randomHidden(64, random);
        int[] rows = {0, 4, 5, 12};
        F32Matrix result = block.compute(hidden, rows);
        Oracle oracle = new Oracle(checkpoint, names, 64, dense.intermediateSize(), dense.body());
        assertThat(result.rows()).isEqualTo(rows.length);
        for (int i = 0; i < rows.length; i++) {
          double[] wanted = oracle.compute(row(hidden, rows[i]));
          for (int column = 0; column < wanted.length; column++) {
            assertThat((double) result.get(i, column)).isCloseTo(wanted[column], within(TOLERANCE));
          }
        }
      }
    }
  }

  @Test
  void gatedFeedForward_sharedExpertWithBiases_equalsTheDoubleOracle() {
    Random random = new Random(6);
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model("nemotron_h-latent"));
        CpuDevice device = new CpuDevice(2)) {
      BlockNames names = checkpoint.spec().names().feedForward(1).shared();
      BlockBody body = new BlockBody(new Activation.SquaredRelu(), true);
      try (FeedForwardBlock block =
          FeedForwardBlock.load(checkpoint, names, 48, body, new BlockComputation(device))) {
        F32Matrix hidden = randomHidden(64, random);
        F32Matrix result = block.compute(hidden, new int[] {2});
        double[] wanted = new Oracle(checkpoint, names, 64, 48, body).compute(row(hidden, 2));
        for (int column = 0; column < wanted.length; column++) {
          assertThat((double) result.get(0, column)).isCloseTo(wanted[column], within(TOLERANCE));
        }
      }
    }
  }

  /** All pairs in a random order, cut into calls of random sizes; rows put back into order. */
  private static List<float[]> shuffled(
      Setup setup,
      int layer,
      F32Matrix hidden,
      List<ExpertTokens> pairs,
      RoundTo rounding,
      Random random) {
    List<Integer> order = new ArrayList<>(IntStream.range(0, pairs.size()).boxed().toList());
    Collections.shuffle(order, random);
    float[][] found = new float[pairs.size()][];
    for (int from = 0; from < order.size(); ) {
      int to = Math.min(order.size(), from + 1 + random.nextInt(5));
      List<Integer> places = order.subList(from, to);
      List<float[]> part =
          rows(
              setup.computation.compute(
                  setup.bank, layer, hidden, places.stream().map(pairs::get).toList(), rounding));
      for (int i = 0; i < part.size(); i++) {
        found[places.get(i)] = part.get(i);
      }
      from = to;
    }
    return List.of(found);
  }

  private static void assertBitsEqual(long seed, List<float[]> wanted, List<float[]> found) {
    assertThat(found).hasSameSizeAs(wanted);
    for (int i = 0; i < wanted.size(); i++) {
      assertThat(bits(found.get(i))).as("seed %d, row %d", seed, i).isEqualTo(bits(wanted.get(i)));
    }
  }

  private static int[] bits(float[] values) {
    return IntStream.range(0, values.length).map(i -> Float.floatToRawIntBits(values[i])).toArray();
  }

  private static Stream<ExpertTokens> pairs(ExpertTokens tokens) {
    return IntStream.range(0, tokens.count())
        .mapToObj(i ->
            new ExpertTokens(
                tokens.expert(), new int[] {tokens.token(i)}, new float[] {tokens.weight(i)}));
  }

  private static List<ExpertTokens> randomWork(int experts, Random random) {
    return IntStream.range(0, experts)
        .mapToObj(expert -> {
          int[] tokens = IntStream.range(0, TOKENS).filter(_ -> random.nextInt(3) == 0).toArray();
          float[] weights = new float[tokens.length];
          for (int i = 0; i < weights.length; i++) {
            weights[i] = random.nextFloat();
          }
          return new ExpertTokens(expert, tokens, weights);
        })
        .toList();
  }

  private static F32Matrix randomHidden(int columns, Random random) {
    F32Matrix hidden = F32Matrix.allocate(TOKENS, columns);
    for (int row = 0; row < TOKENS; row++) {
      for (int column = 0; column < columns; column++) {
        hidden.set(row, column, (float) random.nextGaussian());
      }
    }
    return hidden;
  }

  private static List<float[]> rows(F32Matrix matrix) {
    return IntStream.range(0, matrix.rows()).mapToObj(row -> row(matrix, row)).toList();
  }

  private static float[] row(F32Matrix matrix, int row) {
    float[] values = new float[matrix.columns()];
    matrix.readRow(row, values);
    return values;
  }

  /** A checkpoint with all its experts loaded, and something to compute them with. */
  private static final class Setup implements AutoCloseable {
    final Checkpoint checkpoint;
    final CpuDevice device;
    final ExpertBank bank;
    final ExpertComputation computation;

    Setup(Checkpoint checkpoint, int threads, Kernels kernels) {
      this.checkpoint = checkpoint;
      this.device = new CpuDevice(threads, kernels);
      this.bank = new ExpertBank(checkpoint);
      this.computation = new ExpertComputation(device);
      bank.load(ExpertBankTest.allExperts(checkpoint.spec()));
    }

    int hiddenSize() {
      return checkpoint.spec().hiddenSize();
    }

    int expertWidth() {
      return checkpoint.spec().expertWidth();
    }

    int expertCount(int layer) {
      return experts(layer).gate().expertCount();
    }

    MixtureOfExperts experts(int layer) {
      return (MixtureOfExperts) checkpoint.spec().layers().get(layer).feedForward();
    }

    Oracle oracle(int layer, int expert) {
      return new Oracle(
          checkpoint,
          checkpoint.spec().names().feedForward(layer).expert(expert),
          expertWidth(),
          experts(layer).expertIntermediateSize(),
          experts(layer).body());
    }

    @Override
    public void close() {
      bank.close();
      device.close();
      checkpoint.close();
    }
  }

  /** The block as its formula says, in double, on the stored values. */
  private static final class Oracle {
    private final Activation activation;
    private final double[][] gate;
    private final double[][] up;
    private final double[][] down;
    private final double[] gateBias;
    private final double[] upBias;
    private final double[] downBias;

    Oracle(Checkpoint checkpoint, BlockNames names, int width, int inner, BlockBody body) {
      activation = body.activation();
      boolean gated = activation.gated();
      gate = gated ? matrix(checkpoint, names.gate(), inner) : new double[inner][width];
      up = matrix(checkpoint, names.up(), inner);
      down = matrix(checkpoint, names.down(), width);
      gateBias = bias(checkpoint, names.biases().gate(), inner, gated && body.biases());
      upBias = bias(checkpoint, names.biases().up(), inner, body.biases());
      downBias = bias(checkpoint, names.biases().down(), width, body.biases());
    }

    private static double[] bias(Checkpoint checkpoint, String name, int length, boolean has) {
      return has ? matrix(checkpoint, name, 1)[0] : new double[length];
    }

    double[] compute(float[] x) {
      double[] input = IntStream.range(0, x.length).mapToDouble(i -> x[i]).toArray();
      double[] gated = plus(times(gate, input), gateBias);
      double[] upped = plus(times(up, input), upBias);
      double[] inner = new double[gated.length];
      for (int i = 0; i < inner.length; i++) {
        inner[i] =
            activation instanceof Activation.SquaredRelu
                ? Math.pow(Math.max(upped[i], 0), 2)
                : gated[i] / (1 + Math.exp(-gated[i])) * upped[i];
      }
      return plus(times(down, inner), downBias);
    }

    private static double[] plus(double[] x, double[] y) {
      return IntStream.range(0, x.length).mapToDouble(i -> x[i] + y[i]).toArray();
    }

    private static double[] times(double[][] matrix, double[] x) {
      return Arrays.stream(matrix)
          .mapToDouble(row -> IntStream.range(0, x.length).mapToDouble(i -> row[i] * x[i]).sum())
          .toArray();
    }

    private static double[][] matrix(Checkpoint checkpoint, String name, int rows) {
      float[] values = checkpoint.tensor(name).floats();
      int columns = values.length / rows;
      double[][] matrix = new double[rows][columns];
      for (int i = 0; i < values.length; i++) {
        matrix[i / columns][i % columns] = values[i];
      }
      return matrix;
    }
  }
}
