package dev.consilium.router;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.forward.BatchResult;
import dev.consilium.router.forward.BatchSlice;
import dev.consilium.router.kvcache.SequenceCache;
import dev.consilium.router.scheduling.EngineObserver;
import dev.consilium.testkit.Fixtures;
import dev.consilium.testkit.Seeds;
import io.opentelemetry.context.Context;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A sequence of any model that went on and was taken back to a saved state gives, with other
 * tokens, the bits of one that never went there; and its state is as large as at the beginning.
 */
class ReplayTest {
  private static final int LENGTH = 40;

  static Stream<String> models() {
    return Fixtures.MODELS.stream();
  }

  @ParameterizedTest
  @MethodSource("models")
  void restore_afterOtherTokens_sameBitsAsWithoutThem(String model) {
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model(model));
        Router router =
            Router.open(
                checkpoint, RouterOptions.inProcess(2), new Utilisation(), EngineObserver.NONE)) {
      ModelSpec spec = checkpoint.spec();
      SplittableRandom random = Seeds.random();
      int[] wanted = random.ints(LENGTH, 0, spec.vocabularySize()).toArray();
      int kept = 1 + random.nextInt(LENGTH - 1);
      int[] astray = random.ints(LENGTH, 0, spec.vocabularySize()).toArray();
      System.arraycopy(wanted, 0, astray, 0, kept);
      SequenceCache cache = new SequenceCache(router.pool());
      run(router, cache, wanted, 0, kept);
      long bytes = stateBytes(router, cache);
      SequenceCache.Saved saved = cache.save();
      run(router, cache, astray, kept, LENGTH);
      assertThat(stateBytes(router, cache)).isEqualTo(bytes);
      cache.restore(saved);
      float[] replayed = run(router, cache, wanted, kept, LENGTH);
      cache.release();
      float[] straight = run(router, new SequenceCache(router.pool()), wanted, 0, LENGTH);
      assertThat(replayed).as("%s from token %d on", model, kept).isEqualTo(straight);
    }
  }

  private static long stateBytes(Router router, SequenceCache cache) {
    if (router.pool().stateBytes() == 0) {
      return 0;
    }
    return router.spec().layers().stream()
        .mapToLong(layer -> cache.state(layer.index()).byteSize())
        .sum();
  }

  /** Logits of the token before {@code end}. */
  private static float[] run(Router router, SequenceCache cache, int[] tokens, int from, int end) {
    cache.reserve(end);
    BatchSlice slice =
        new BatchSlice(
            cache, tokens, from, end - from, LENGTH, BatchSlice.Logits.LAST, false, Context.root());
    BatchResult result = router.forward().run(List.of(slice));
    float[] logits = new float[router.spec().vocabularySize()];
    result.readLastLogits(0, logits);
    return logits;
  }
}
