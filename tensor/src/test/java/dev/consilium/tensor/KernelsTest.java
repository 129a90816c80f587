package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The kernels against references in double precision. */
class KernelsTest {
  private final Kernels kernels = Kernels.best();
  private final Random random = new Random(11);

  @Test
  void best_withTheVectorModule_isTheVectorKernels() {
    assertThat(KernelChoice.JAVA).isInstanceOf(VectorKernels.class);
    assertThat(Kernels.scalar()).isInstanceOf(ScalarKernels.class);
  }

  @Test
  void vectorModulePresent_inALayerWithoutIt_isFalse() {
    assertThat(KernelChoice.vectorModulePresent(ModuleLayer.empty())).isFalse();
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16", "F16"})
  void multiply_ordinaryNumbers_isCloseToDouble(DType dtype) {
    int columns = 777;
    F32Matrix x = Samples.matrix(random, 5, columns, Samples::normal);
    F32Matrix y = F32Matrix.allocate(5, 130);
    try (PackedMatrix weights = normalWeights(dtype, 130, columns)) {
      int[] rows = {4, 0, 2, 1, 3};
      kernels.multiply(new MatmulJob(weights, x, rows, y, 0), 0, weights.panels(), 0, 5);
      float[] row = new float[columns];
      for (int r = 0; r < 130; r++) {
        weights.unpackRow(r, row);
        for (int t = 0; t < 5; t++) {
          assertDot(row, x, rows[t], y.get(t, r));
        }
      }
    }
  }

  /** In Java one token widens in registers, two through scratch memory. */
  @ParameterizedTest
  @EnumSource(names = {"BF16", "F16"})
  void multiply_all65536ValuesByOne_givesThem(DType dtype) {
    short[] finite = finiteBits(dtype);
    MemorySegment segment = Arena.ofAuto().allocate(finite.length * 2L, 2);
    MemorySegment.copy(finite, 0, segment, JAVA_SHORT, 0, finite.length);
    F32Matrix one = Samples.matrix(random, 1, 1, r -> 1f);
    try (PackedMatrix weights = PackedMatrix.pack(dtype, 1, List.of(segment))) {
      for (int[] rows : new int[][] {{0}, {0, 0}}) {
        F32Matrix y = F32Matrix.allocate(rows.length, finite.length);
        MatmulJob job = new MatmulJob(weights, one, rows, y, 0);
        for (Kernels each : List.of(kernels, KernelChoice.JAVA)) {
          y.segment().fill((byte) 0x7f);
          each.multiply(job, 0, weights.panels(), 0, rows.length);
          for (int i = 0; i < finite.length; i++) {
            // Plus 0, for the sum starts with it: -0 becomes 0.
            assertThat(y.get(rows.length - 1, i)).isEqualTo(Samples.widen(dtype, finite[i]) + 0f);
          }
        }
      }
    }
  }

  private static short[] finiteBits(DType dtype) {
    int[] bits =
        IntStream.range(0, 65536)
            .filter(i -> Float.isFinite(Samples.widen(dtype, (short) i)))
            .toArray();
    short[] finite = new short[bits.length];
    for (int i = 0; i < bits.length; i++) {
      finite[i] = (short) bits[i];
    }
    return finite;
  }

  private PackedMatrix normalWeights(DType dtype, int rows, int columns) {
    MemorySegment segment = Arena.ofAuto().allocate((long) rows * columns * dtype.bytes(), 4);
    for (long i = 0; i < (long) rows * columns; i++) {
      float value = Samples.normal(random);
      switch (dtype) {
        case F32 -> segment.setAtIndex(JAVA_FLOAT, i, value);
        case BF16 -> segment.setAtIndex(JAVA_SHORT, i, Bf16.fromFloat(value));
        default -> segment.setAtIndex(JAVA_SHORT, i, Float.floatToFloat16(value));
      }
    }
    return PackedMatrix.pack(dtype, columns, List.of(segment));
  }

  /** A chain of n roundings errs by at most n half-ulps of the sum of magnitudes. */
  private static void assertDot(float[] weights, F32Matrix x, int row, float actual) {
    double expected = 0;
    double magnitude = 0;
    for (int k = 0; k < weights.length; k++) {
      double product = (double) weights[k] * x.get(row, k);
      expected += product;
      magnitude += Math.abs(product);
    }
    assertThat(Math.abs(actual - expected)).isLessThan(magnitude * weights.length * 0x1p-24);
  }

  @Test
  void rmsNorm_ordinaryNumbers_isCloseToDouble() {
    int n = 1000;
    MemorySegment x = Samples.vector(random, n, 0, Samples::normal);
    MemorySegment y = Samples.vector(random, n, 0, Samples::normal);
    float[] weight = new float[n];
    double squares = 0;
    for (int i = 0; i < n; i++) {
      weight[i] = Samples.normal(random);
      squares += Math.pow(ScalarKernels.get(x, 0, i), 2);
    }
    kernels.rmsNorm(x, 0, n, F32Vector.of(weight), 0, 1e-5f, y, 0);
    for (int i = 0; i < n; i++) {
      double expected = ScalarKernels.get(x, 0, i) * weight[i] / Math.sqrt(squares / n + 1e-5);
      assertClose(ScalarKernels.get(y, 0, i), expected, 1e-6);
    }
  }

  @Test
  void centre_ordinaryNumbers_isCloseToDouble() {
    int n = 1003;
    MemorySegment x = Samples.vector(random, n, 0, r -> 5 + Samples.normal(r));
    MemorySegment y = Samples.vector(random, n, 0, Samples::normal);
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += ScalarKernels.get(x, 0, i);
    }
    kernels.centre(x, 0, n, y, 0);
    for (int i = 0; i < n; i++) {
      double expected = ScalarKernels.get(x, 0, i) - sum / n;
      // Absolute, as the mean is rounded and differences may be near 0.
      assertThat((double) ScalarKernels.get(y, 0, i)).isCloseTo(expected, within(1e-5));
    }
  }

  @Test
  void clamp_insideAndOutsideTheLimit_keepsOrCuts() {
    MemorySegment y = MemorySegment.ofArray(new float[] {-9, -2.5f, -1, 0, 2, 2.5f, 9, 3});
    kernels.clamp(2.5f, 7, y, 0);
    assertThat(y.toArray(JAVA_FLOAT)).containsExactly(-2.5f, -2.5f, -1, 0, 2, 2.5f, 2.5f, 3);
  }

  @Test
  void siluMultiply_ordinaryNumbers_isCloseToDouble() {
    MemorySegment gate = Samples.vector(random, 333, 0, r -> 10 * Samples.normal(r));
    MemorySegment up = Samples.vector(random, 333, 0, Samples::normal);
    MemorySegment y = Samples.vector(random, 333, 0, Samples::normal);
    kernels.siluMultiply(gate, 0, up, 0, 333, y, 0);
    for (int i = 0; i < 333; i++) {
      double g = ScalarKernels.get(gate, 0, i);
      double expected = g / (1 + Math.exp(-g)) * ScalarKernels.get(up, 0, i);
      assertClose(ScalarKernels.get(y, 0, i), expected, 1e-6);
    }
  }

  @Test
  void clampedSiluMultiply_insideAndOutsideTheLimit_isCloseToDouble() {
    MemorySegment gate = Samples.vector(random, 333, 0, r -> 5 * Samples.normal(r));
    MemorySegment up = Samples.vector(random, 333, 0, r -> 5 * Samples.normal(r));
    MemorySegment y = Samples.vector(random, 333, 0, Samples::normal);
    kernels.clampedSiluMultiply(1.702f, 7, gate, 0, up, 0, 333, y, 0);
    for (int i = 0; i < 333; i++) {
      double g = Math.min(ScalarKernels.get(gate, 0, i), 7);
      double u = Math.clamp(ScalarKernels.get(up, 0, i), -7, 7);
      assertClose(ScalarKernels.get(y, 0, i), (u + 1) * g / (1 + Math.exp(-1.702 * g)), 1e-6);
    }
  }

  @Test
  void squaredRelu_bothSigns_isCloseToDouble() {
    MemorySegment x = Samples.vector(random, 333, 0, r -> 5 * Samples.normal(r));
    MemorySegment y = Samples.vector(random, 333, 0, Samples::normal);
    kernels.squaredRelu(x, 0, 333, y, 0);
    for (int i = 0; i < 333; i++) {
      double positive = Math.max(ScalarKernels.get(x, 0, i), 0);
      assertClose(ScalarKernels.get(y, 0, i), positive * positive, 1e-6);
    }
  }

  @ParameterizedTest
  @EnumSource
  void recur_severalTokens_isCloseToDouble(StateUpdate.Rule rule) {
    int keyDim = 24;
    int columns = 37;
    MemorySegment state = Arena.ofAuto().allocate(4L * keyDim * columns, 64);
    MemorySegment y = Arena.ofAuto().allocate(4L * columns, 64);
    double[][] expected = new double[keyDim][columns];
    for (int token = 0; token < 20; token++) {
      MemorySegment x =
          Samples.vector(random, 2 * keyDim + columns, 0, r -> random.nextFloat() / 4);
      MemorySegment decays = Samples.vector(random, keyDim, 0, r -> 0.5f + random.nextFloat() / 2);
      float strength = random.nextFloat();
      kernels.recur(
          new StateColumns(state, 0, keyDim, columns, 4L * columns),
          new StateUpdate(
              rule,
              new StateDecay.Factors(decays, 0, 4),
              strength,
              x,
              0,
              4L * keyDim,
              x,
              8L * keyDim),
          y,
          0);
      for (int j = 0; j < columns; j++) {
        double remembered = 0;
        for (int i = 0; i < keyDim; i++) {
          expected[i][j] *= ScalarKernels.get(decays, 0, i);
          remembered += ScalarKernels.get(x, 0, keyDim + i) * expected[i][j];
        }
        double value = ScalarKernels.get(x, 0, 2 * keyDim + j);
        double written = strength * (rule == StateUpdate.Rule.CORRECT ? value - remembered : value);
        double read = 0;
        for (int i = 0; i < keyDim; i++) {
          expected[i][j] += ScalarKernels.get(x, 0, keyDim + i) * written;
          read += ScalarKernels.get(x, 0, i) * expected[i][j];
        }
        assertThat((double) ScalarKernels.get(y, 0, j)).isCloseTo(read, within(1e-5));
      }
    }
  }

  @Test
  void rotate_ordinaryNumbers_isARotation() {
    int half = 21;
    MemorySegment x = Samples.vector(random, 2 * half + 3, 0, Samples::normal);
    MemorySegment before = Samples.copy(x);
    MemorySegment cosSin = Samples.vector(random, 2 * half, 0, Samples::normal);
    for (int i = 0; i < half; i++) {
      ScalarKernels.set(cosSin, 0, i, (float) Math.cos(i));
      ScalarKernels.set(cosSin, 0, half + i, (float) Math.sin(i));
    }
    kernels.rotate(x, 0, 2 * half, cosSin, 0);
    for (int i = 0; i < half; i++) {
      double a = ScalarKernels.get(before, 0, i);
      double b = ScalarKernels.get(before, 0, half + i);
      assertThat(ScalarKernels.get(x, 0, i) - (a * Math.cos(i) - b * Math.sin(i)))
          .isBetween(-1e-6, 1e-6);
      assertThat(ScalarKernels.get(x, 0, half + i) - (b * Math.cos(i) + a * Math.sin(i)))
          .isBetween(-1e-6, 1e-6);
    }
    for (int i = 2 * half; i < 2 * half + 3; i++) {
      assertThat(ScalarKernels.get(x, 0, i)).isEqualTo(ScalarKernels.get(before, 0, i));
    }
  }

  private static void assertClose(float actual, double expected, double relative) {
    assertThat(Math.abs(actual - expected))
        .isLessThanOrEqualTo(Math.abs(expected) * relative + 1e-30);
  }
}
