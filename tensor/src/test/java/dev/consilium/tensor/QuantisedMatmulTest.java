package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.consilium.tensor.quant.BlockFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Quantised weights against the formulas of their blocks in double. */
class QuantisedMatmulTest {
  private static final int ROWS = 130;
  private static final int TOKENS = 5;

  private final Random random = new Random(17);

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F32", "BF16", "F16", "F8_BLOCKS", "F4_BLOCKS"})
  void multiply_ordinaryNumbers_isCloseToDouble(DType dtype) {
    int columns = 1536;
    MemorySegment stored = stored(dtype, columns);
    F32Matrix x = Samples.matrix(random, TOKENS, columns, Samples::normal);
    F32Matrix y = F32Matrix.allocate(TOKENS, ROWS);
    try (PackedMatrix weights = PackedMatrix.pack(dtype, columns, List.of(stored));
        CpuDevice device = new CpuDevice(2)) {
      device.matmul(List.of(new MatmulJob(weights, x, new int[] {4, 0, 2, 1, 3}, y, 0)));
    }
    int[] rows = {4, 0, 2, 1, 3};
    for (int token = 0; token < TOKENS; token++) {
      double[] activations = dequantised(x, rows[token]);
      for (int row = 0; row < ROWS; row++) {
        assertDot(dtype, stored, row, activations, y.get(token, row));
      }
    }
  }

  private MemorySegment stored(DType dtype, int columns) {
    BlockFormat format = dtype.format().orElseThrow();
    MemorySegment stored = Arena.ofAuto().allocate(ROWS * dtype.rowBytes(columns));
    float[] block = new float[format.elements()];
    for (long at = 0; at < stored.byteSize(); at += format.bytes()) {
      for (int i = 0; i < block.length; i++) {
        block[i] = Samples.normal(random);
      }
      format.quantise(block, 0, stored, at);
    }
    return stored;
  }

  /** Rounds to 127 steps up to the largest magnitude of each 32. */
  private static double[] dequantised(F32Matrix x, int row) {
    double[] values = new double[x.columns()];
    for (int from = 0; from < values.length; from += 32) {
      float largest = 0;
      for (int i = from; i < from + 32; i++) {
        largest = Math.max(largest, Math.abs(x.get(row, i)));
      }
      for (int i = from; i < from + 32; i++) {
        // The quant as defined, in float: in double, some ties would round to the other side.
        values[i] = Math.rint(x.get(row, i) * (127f / largest)) * largest / 127.0;
      }
    }
    return values;
  }

  /** Within 1e-5 of what a sum of such terms with random signs typically is. */
  private static void assertDot(
      DType dtype, MemorySegment stored, int row, double[] x, float actual) {
    double expected = 0;
    double squares = 0;
    for (int k = 0; k < x.length; k++) {
      double term = Samples.weight(stored, dtype, (long) row * x.length + k) * x[k];
      expected += term;
      squares += term * term;
    }
    assertThat((double) actual).isCloseTo(expected, within(1e-5 * Math.sqrt(squares)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"scalar", "best"})
  void quantise_ordinaryBlock_keepsScaleQuantsAndSums(String which) {
    Kernels kernels = which.equals("best") ? Kernels.best() : Kernels.scalar();
    MemorySegment x = Samples.vector(random, 64, 4, Samples::normal);
    x.set(JAVA_FLOAT, 4 + 35 * 4, -254f);
    x.set(JAVA_FLOAT, 4 + 40 * 4, 3f); // 1.5 steps: to the even 2
    x.set(JAVA_FLOAT, 4 + 41 * 4, 5f); // 2.5 steps: to the even 2
    x.set(JAVA_FLOAT, 4 + 60 * 4, 100f);
    MemorySegment blocks = Arena.ofAuto().allocate(128, 64);
    kernels.quantise(x, 4, 64, blocks, 0);
    assertThat(blocks.get(JAVA_FLOAT, 64 + 32)).isEqualTo(2f);
    assertThat(blocks.get(JAVA_BYTE, 64 + 3)).isEqualTo((byte) -127);
    assertThat(blocks.get(JAVA_BYTE, 64 + 8)).isEqualTo((byte) 2);
    assertThat(blocks.get(JAVA_BYTE, 64 + 9)).isEqualTo((byte) 2);
    assertThat(blocks.get(JAVA_BYTE, 64 + 28)).isEqualTo((byte) 50);
    int first = sum(blocks, 64);
    int second = sum(blocks, 80);
    assertThat(blocks.get(JAVA_FLOAT, 64 + 36)).isEqualTo(-2f * (first + second));
    int[] factors = {-8, -12, -16, -128};
    for (int i = 0; i < factors.length; i++) {
      assertThat(blocks.get(JAVA_INT, 64 + 40 + i * 4)).isEqualTo(factors[i] * (first + second));
    }
    assertThat(blocks.get(JAVA_INT, 64 + 56)).isEqualTo(-32 * first);
    assertThat(blocks.get(JAVA_INT, 64 + 60)).isEqualTo(-32 * second);
  }

  private static int sum(MemorySegment blocks, long from) {
    int sum = 0;
    for (int i = 0; i < 16; i++) {
      sum += blocks.get(JAVA_BYTE, from + i);
    }
    return sum;
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void multiply_activationNotANumber_resultIsNot(float bad) {
    for (DType dtype : DType.values()) {
      if (dtype.quantised()) {
        F32Matrix x = Samples.matrix(random, 2, 256, Samples::normal);
        x.set(1, 77, bad);
        F32Matrix y = F32Matrix.allocate(2, 20);
        try (PackedMatrix weights = Samples.packed(random, dtype, 20, 256);
            CpuDevice device = new CpuDevice(1)) {
          device.matmul(List.of(new MatmulJob(weights, x, new int[] {0, 1}, y, 0)));
        }
        for (int row = 0; row < 20; row++) {
          assertThat(y.get(0, row)).isFinite();
          assertThat(y.get(1, row)).isNaN();
        }
      }
    }
  }

  @Test
  void quantise_tinyBlock_isZeros() {
    MemorySegment x =
        Samples.vector(random, 32, 0, r -> r.nextBoolean() ? 0x1p-120f : -Float.MIN_VALUE);
    MemorySegment block = Arena.ofAuto().allocate(64, 64);
    Kernels.best().quantise(x, 0, 32, block, 0);
    assertThat(block.mismatch(Arena.ofAuto().allocate(64))).isIn(-1L, 39L);
    assertThat(block.get(JAVA_FLOAT, 36)).isZero();
  }
}
