package dev.consilium.model.expert;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.checkpoint.StackedMatrix;
import dev.consilium.model.conversion.WeightCodec;
import dev.consilium.model.family.Activation;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.DType;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.MatmulJob;
import dev.consilium.tensor.PackedMatrix;
import dev.consilium.testkit.Seeds;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Blocks without a gate in every encoding of weights: the same bits as their products one by one
 * with the formula between them, and in any grouping.
 */
class BlockComputationPropertyTest {
  private static final int WIDTH = 256;
  private static final int INNER = 512;
  private static final int TOKENS = 5;

  private final SplittableRandom random = Seeds.random();

  @ParameterizedTest
  @EnumSource
  void compute_withoutGate_equalsProductsOneByOne(DType dtype) {
    F32Matrix tokens = F32Matrix.allocate(TOKENS, WIDTH);
    for (int token = 0; token < TOKENS; token++) {
      tokens.writeRow(token, floats(WIDTH));
    }
    List<BlockComputation.Block> experts = new ArrayList<>();
    try (CpuDevice device = new CpuDevice(2, Kernels.best());
        CpuDevice alone = new CpuDevice(1, Kernels.scalar());
        BlockWeights first = expert(dtype);
        BlockWeights second = expert(dtype)) {
      experts.add(new BlockComputation.Block(first, new int[] {0, 1, 2, 3, 4}));
      experts.add(new BlockComputation.Block(second, new int[] {1, 4}));
      F32Matrix together = new BlockComputation(device).compute(tokens, experts, (_, _) -> {});
      int row = 0;
      for (BlockComputation.Block expert : experts) {
        for (int token : expert.rows()) {
          assertThat(row(together, row++))
              .as("%s token %d", dtype, token)
              .containsExactly(oneByOne(alone, expert.weights(), tokens, token));
        }
      }
    }
  }

  private static float[] oneByOne(
      CpuDevice device, BlockWeights weights, F32Matrix tokens, int token) {
    F32Matrix inner = F32Matrix.allocate(1, INNER);
    device.matmul(weights.gateUp().jobs(tokens, new int[] {token}, inner, 0));
    for (int i = 0; i < INNER; i++) {
      float positive = Math.max(inner.get(0, i), 0);
      inner.set(0, i, positive * positive);
    }
    F32Matrix result = F32Matrix.allocate(1, WIDTH);
    device.matmul(List.of(new MatmulJob(weights.down(), inner, new int[] {0}, result, 0)));
    return row(result, 0);
  }

  private BlockWeights expert(DType dtype) {
    return new BlockWeights(
        new StackedMatrix(List.of(matrix(dtype, INNER, WIDTH))),
        matrix(dtype, WIDTH, INNER),
        new Activation.SquaredRelu(),
        Optional.empty());
  }

  private PackedMatrix matrix(DType dtype, int rows, int columns) {
    long rowBytes = dtype.rowBytes(columns);
    MemorySegment bytes = Arena.ofAuto().allocate(rows * rowBytes, 64);
    IntStream.range(0, rows)
        .forEach(row -> WeightCodec.encode(dtype, floats(columns), bytes, row * rowBytes));
    return PackedMatrix.pack(dtype, columns, List.of(bytes));
  }

  private float[] floats(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (random.nextDouble() - 0.5) / 4;
    }
    return values;
  }

  private static float[] row(F32Matrix matrix, int row) {
    float[] values = new float[matrix.columns()];
    matrix.readRow(row, values);
    return values;
  }
}
