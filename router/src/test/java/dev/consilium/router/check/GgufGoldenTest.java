package dev.consilium.router.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.conversion.GgufConversion;
import dev.consilium.model.conversion.Quantisation;
import dev.consilium.router.Router;
import dev.consilium.router.RouterOptions;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.forward.BatchResult;
import dev.consilium.router.forward.BatchSlice;
import dev.consilium.router.kvcache.SequenceCache;
import dev.consilium.router.scheduling.EngineObserver;
import dev.consilium.testkit.Fixtures;
import io.opentelemetry.context.Context;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A model gives the same numbers from a GGUF file that it gives from where that was made of. */
class GgufGoldenTest {
  private static final int TOKENS = 24;

  @TempDir Path temporary;

  static Stream<String> models() {
    return Fixtures.MODELS.stream();
  }

  @ParameterizedTest
  @MethodSource("models")
  void run_convertedWithoutLoss_equalsReference(String name) throws IOException {
    Path file = converted(Fixtures.model(name), Quantisation.F32);
    try (Checkpoint checkpoint = Checkpoint.open(file);
        Router router = open(checkpoint)) {
      GoldenReport report = GoldenCheck.run(router, Fixtures.model(name), 0);
      assertThat(report.problems()).isEmpty();
      assertThat(report.logitError()).isLessThan(1e-4);
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void logits_convertedWithoutLoss_sameBits(String name) throws IOException {
    Path original = Fixtures.model(name);
    float[][] wanted = logits(original);
    assertThat(logits(converted(original, Quantisation.F32))).isDeepEqualTo(wanted);
    boolean bf16;
    try (Checkpoint checkpoint = Checkpoint.open(original)) {
      bf16 = checkpoint.tensor(checkpoint.spec().names().embedding()).dtype().name().equals("BF16");
    }
    if (bf16) {
      Path half = converted(original, Quantisation.BF16);
      assertThat(logits(half)).isDeepEqualTo(wanted);
      assertThat(logits(converted(half, Quantisation.F32))).isDeepEqualTo(wanted);
    }
  }

  private Path converted(Path from, Quantisation quantisation) throws IOException {
    Path file =
        temporary.resolve(quantisation + (from.startsWith(temporary) ? "-again" : "") + ".gguf");
    try (Checkpoint checkpoint = Checkpoint.open(from)) {
      new GgufConversion(checkpoint, quantisation).write(file, GgufConversion.Progress.NONE);
    }
    return file;
  }

  private static Router open(Checkpoint checkpoint) {
    return Router.open(
        checkpoint, RouterOptions.inProcess(2), new Utilisation(), EngineObserver.NONE);
  }

  private static float[][] logits(Path model) {
    try (Checkpoint checkpoint = Checkpoint.open(model);
        Router router = open(checkpoint)) {
      int vocabulary = checkpoint.spec().vocabularySize();
      int[] prompt = new SplittableRandom(1).ints(TOKENS, 0, vocabulary).toArray();
      SequenceCache cache = new SequenceCache(router.pool());
      cache.reserve(TOKENS);
      BatchResult result =
          router
              .forward()
              .run(
                  List.of(
                      new BatchSlice(
                          cache, prompt, 0, TOKENS, BatchSlice.Logits.ALL, false, Context.root())));
      assertThat(result.failure(0)).isEmpty();
      float[][] logits = new float[TOKENS][vocabulary];
      for (int token = 0; token < TOKENS; token++) {
        result.readLogits(0, token, logits[token]);
      }
      cache.release();
      return logits;
    }
  }
}
