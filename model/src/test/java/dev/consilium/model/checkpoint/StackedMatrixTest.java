package dev.consilium.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.conversion.GgufConversion;
import dev.consilium.model.conversion.Quantisation;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.MatmulJob;
import dev.consilium.tensor.PackedMatrix;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Parts of different types give the same outputs side by side that each gives alone. */
class StackedMatrixTest {

  private static final int COLUMNS = 64;
  private static final int TOKENS = 5;

  /** Two of q8_0, which become one, then one of f32 with few rows, then one of q8_0. */
  private static final List<MatrixPart> PARTS =
      List.of(
          new MatrixPart("blk.0.attn_q.weight", 128),
          new MatrixPart("blk.0.attn_k.weight", 64),
          new MatrixPart("blk.1.ffn_gate_inp.weight", 16),
          new MatrixPart("blk.2.attn_v.weight", 64));

  @TempDir Path directory;

  @Test
  void jobs_partsOfSeveralTypes_equalEachPartAlone() throws IOException {
    Path file = directory.resolve("model.gguf");
    try (Checkpoint original = Checkpoint.open(Fixtures.model("qwen3-moe"))) {
      new GgufConversion(original, Quantisation.Q8_0).write(file, GgufWriter.Progress.NONE);
    }
    try (Checkpoint checkpoint = Checkpoint.open(file);
        CpuDevice device = new CpuDevice(2);
        StackedMatrix stacked = checkpoint.stackedMatrix(COLUMNS, PARTS)) {
      F32Matrix x = activations();
      int[] rows = {0, 1, 2, 3, 4};
      F32Matrix together = F32Matrix.allocate(TOKENS + 1, stacked.rows() + 3);
      List<MatmulJob> jobs = stacked.jobs(x, rows, together, 1);
      assertThat(jobs).hasSize(3);
      assertThat(stacked.rows()).isEqualTo(272);
      assertThat(stacked.byteSize()).isEqualTo(checkpoint.stackedMatrixBytes(COLUMNS, PARTS));
      device.matmul(jobs);
      int column = 0;
      for (MatrixPart part : PARTS) {
        F32Matrix alone = F32Matrix.allocate(TOKENS, part.rows());
        try (PackedMatrix matrix = checkpoint.matrix(part.name(), part.rows(), COLUMNS)) {
          device.matmul(List.of(new MatmulJob(matrix, x, rows, alone, 0)));
        }
        assertColumns(together, column, alone);
        column += part.rows();
      }
      assertThat(together.get(0, 0)).isZero();
      assertThat(together.get(TOKENS, 272)).isZero();
    }
  }

  private static void assertColumns(F32Matrix together, int column, F32Matrix alone) {
    for (int token = 0; token < TOKENS; token++) {
      for (int i = 0; i < alone.columns(); i++) {
        assertThat(together.get(token + 1, column + i))
            .as("token %d, output %d", token, column + i)
            .isEqualTo(alone.get(token, i));
      }
    }
  }

  private static F32Matrix activations() {
    SplittableRandom random = new SplittableRandom(5);
    F32Matrix x = F32Matrix.allocate(TOKENS, COLUMNS);
    for (int token = 0; token < TOKENS; token++) {
      for (int i = 0; i < COLUMNS; i++) {
        x.set(token, i, (float) random.nextGaussian());
      }
    }
    return x;
  }
}
