package dev.consilium.router.forward;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.conversion.Quantisation;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.model.synthetic.SyntheticFamily;
import dev.consilium.model.synthetic.SyntheticModel;
import dev.consilium.model.synthetic.SyntheticShape;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.KvDType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A model with quantised weights gives the same logits to the bit, whichever kernels compute it, on
 * however many threads, in however large pieces, alone or beside others.
 */
class QuantisedLogitsPropertyTest {
  private static final int TOKENS = 11;
  private static final int[] SEQUENCE = new Random(3).ints(TOKENS, 0, 8192).toArray();

  @TempDir Path directory;

  @ParameterizedTest
  @EnumSource(
      value = Quantisation.class,
      names = {"F32", "F16", "BF16"},
      mode = EnumSource.Mode.EXCLUDE)
  void run_anyKernelsThreadsAndBatches_givesTheSameLogits(Quantisation type) throws IOException {
    Path file = directory.resolve("tiny.gguf");
    new SyntheticModel(SyntheticFamily.QWEN3MOE, SyntheticShape.TINY, type, 1)
        .write(file, GgufWriter.Progress.NONE);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      float[][] oracle = logits(checkpoint, Kernels.scalar(), 1, TOKENS, 0);
      assertSame(oracle, logits(checkpoint, Kernels.best(), 1, TOKENS, 0));
      assertSame(oracle, logits(checkpoint, Kernels.best(), 2, TOKENS, 0));
      assertSame(oracle, logits(checkpoint, Kernels.best(), 2, 1, 0));
      assertSame(oracle, logits(checkpoint, Kernels.best(), 2, 4, 3));
      assertSame(oracle, logits(checkpoint, Kernels.best(), 3, 1, 17));
    }
  }

  /** The cache's types are stored and widened by kernels of their own. */
  @ParameterizedTest
  @EnumSource(KvDType.class)
  void run_anyCache_givesTheSameLogits(KvDType cache) throws IOException {
    Path file = directory.resolve("tiny.gguf");
    new SyntheticModel(SyntheticFamily.QWEN3MOE, SyntheticShape.TINY, Quantisation.Q4_0, 1)
        .write(file, GgufWriter.Progress.NONE);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      assertSame(
          ForwardLogits.of(checkpoint, Kernels.scalar(), cache, 1, SEQUENCE, TOKENS, 0),
          ForwardLogits.of(checkpoint, Kernels.best(), cache, 2, SEQUENCE, 4, 3));
    }
  }

  private static float[][] logits(
      Checkpoint checkpoint, Kernels kernels, int threads, int step, int others) {
    return ForwardLogits.of(checkpoint, kernels, KvDType.F16, threads, SEQUENCE, step, others);
  }

  private static void assertSame(float[][] expected, float[][] actual) {
    for (int i = 0; i < TOKENS; i++) {
      assertThat(actual[i]).as("token %d", i).isEqualTo(expected[i]);
      assertThat(actual[i]).as("token %d", i).doesNotContain(Float.NaN);
    }
  }
}
