package dev.consilium.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A token's result is the same whatever is computed with it, and by however many threads. */
class CpuDevicePropertyTest {
  private static final int COLUMNS = 300;

  @ParameterizedTest
  @EnumSource
  void matmul_anyBatchAndThreadCount_sameBitsAsAlone(DType dtype) {
    Random random = new Random(5);
    int columns = Samples.wholeBlocks(dtype, COLUMNS);
    F32Matrix x = Samples.matrix(random, 150, columns, Samples::normal);
    try (PackedMatrix weights = Samples.packed(random, dtype, 200, columns);
        CpuDevice one = new CpuDevice(1);
        CpuDevice three = new CpuDevice(3)) {
      F32Matrix alone = F32Matrix.allocate(150, 200);
      for (int token = 0; token < 150; token++) {
        one.matmul(List.of(new MatmulJob(weights, x, new int[] {token}, alone, token)));
      }
      for (int batch : new int[] {2, 3, 4, 5, 7, 16, 129, 150}) {
        F32Matrix together = F32Matrix.allocate(150, 200);
        three.matmul(jobs(weights, x, together, batch));
        KernelParity.compareBits("batches of " + batch, alone.segment(), together.segment());
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void matmul_sameMatrixWithOtherNumbers_usesThose(DType dtype) {
    Random random = new Random(7);
    int columns = Samples.wholeBlocks(dtype, COLUMNS);
    F32Matrix x = F32Matrix.allocate(40, columns);
    try (PackedMatrix weights = Samples.packed(random, dtype, 200, columns);
        CpuDevice device = new CpuDevice(2)) {
      for (int round = 0; round < 3; round++) {
        F32Matrix numbers = Samples.matrix(random, 40, columns, Samples::normal);
        F32Matrix expected = F32Matrix.allocate(40, 200);
        MatmulJob alone = jobs(weights, numbers, expected, 40).getFirst();
        device.kernels().multiply(alone, 0, weights.panels(), 0, 40);
        for (int row = 0; row < 40; row++) {
          x.copyRow(row, numbers, row);
        }
        for (int batch : new int[] {3, 40}) {
          F32Matrix actual = F32Matrix.allocate(40, 200);
          device.matmul(jobs(weights, x, actual, batch));
          KernelParity.compareBits("round " + round, expected.segment(), actual.segment());
        }
      }
    }
  }

  private static List<MatmulJob> jobs(PackedMatrix weights, F32Matrix x, F32Matrix y, int batch) {
    List<MatmulJob> jobs = new ArrayList<>();
    for (int from = 0; from < x.rows(); from += batch) {
      int first = from;
      int count = Math.min(batch, x.rows() - from);
      int[] rows = new int[count];
      Arrays.setAll(rows, i -> first + i);
      jobs.add(new MatmulJob(weights, x, rows, y, from));
    }
    return jobs;
  }

  @Test
  void matmul_noTokens_doesNothing() {
    Random random = new Random(6);
    try (PackedMatrix weights = Samples.packed(random, DType.BF16, 64, 8);
        CpuDevice device = new CpuDevice(2)) {
      F32Matrix none = F32Matrix.allocate(0, 8);
      device.matmul(
          List.of(new MatmulJob(weights, none, new int[0], F32Matrix.allocate(0, 64), 0)));
      device.matmul(List.of());
      assertThat(device.threads()).isEqualTo(2);
    }
  }
}
