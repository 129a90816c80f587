package dev.consilium.router;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.forward.BatchResult;
import dev.consilium.router.forward.BatchSlice;
import dev.consilium.router.kvcache.SequenceCache;
import dev.consilium.router.scheduling.EngineObserver;
import dev.consilium.testkit.Fixtures;
import dev.consilium.testkit.Seeds;
import io.opentelemetry.context.Context;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A token's result depends on the token, its context and the weights, on nothing else: the same
 * bits alone and in any batch, for any chunking of the prompt, any number of nodes and threads.
 */
class ExactnessPropertyTest {
  private static final String RANDOM = "random delta nets";
  private static final int CASES = 8;
  private static final int LONGEST = 40;
  private static final int[] BATCHES = {1, 2, 7, 16};
  private static final int[] CHUNKS = {1, 5, 16, LONGEST};

  @TempDir Path temporary;

  /** All fixtures and one model with random sizes, each with one of the cache's element types. */
  static Stream<Arguments> models() {
    KvCacheDType[] dtypes = KvCacheDType.values();
    List<String> all = new ArrayList<>(Fixtures.MODELS);
    all.add(RANDOM);
    return IntStream.range(0, all.size())
        .mapToObj(i -> Arguments.of(all.get(i), dtypes[i % dtypes.length]));
  }

  @ParameterizedTest
  @MethodSource("models")
  void logits_anyBatchChunkNodesThreads_sameBits(String model, KvCacheDType kvDType)
      throws Exception {
    Path directory =
        model.equals(RANDOM)
            ? RandomModel.write(temporary, RandomModel.DELTA_NET, Seeds.seed())
            : Fixtures.model(model);
    try (Checkpoint checkpoint = Checkpoint.open(directory);
        Setups setups = new Setups(checkpoint, kvDType)) {
      SplittableRandom random = Seeds.random();
      for (int i = 0; i < CASES; i++) {
        compare(checkpoint.spec().vocabularySize(), setups, random);
      }
    }
  }

  private static void compare(int vocabulary, Setups setups, SplittableRandom random) {
    int batch = BATCHES[random.nextInt(BATCHES.length)];
    int chunk = CHUNKS[random.nextInt(CHUNKS.length)];
    String setup = setups.names().get(random.nextInt(setups.names().size()));
    List<int[]> prompts = new ArrayList<>();
    for (int i = 0; i < batch; i++) {
      prompts.add(random.ints(1 + random.nextInt(LONGEST), 0, vocabulary).toArray());
    }
    List<float[][]> together = logits(setups.router(setup), prompts, chunk);
    int checked = random.nextInt(batch);
    float[][] alone =
        logits(setups.router("local, 1 thread"), List.of(prompts.get(checked)), LONGEST).getFirst();
    for (int position = 0; position < alone.length; position++) {
      assertThat(bits(together.get(checked)[position]))
          .as(
              "%s, batch of %d, chunks of %d, prompt of %d tokens, position %d",
              setup, batch, chunk, alone.length, position)
          .isEqualTo(bits(alone[position]));
    }
  }

  private static int[] bits(float[] values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    return bits;
  }

  /** Logits of every position of every prompt, computed side by side, a chunk of each per step. */
  private static List<float[][]> logits(Router router, List<int[]> prompts, int chunk) {
    int vocabulary = router.spec().vocabularySize();
    List<float[][]> all = new ArrayList<>();
    List<SequenceCache> caches = new ArrayList<>();
    for (int[] prompt : prompts) {
      all.add(new float[prompt.length][vocabulary]);
      caches.add(new SequenceCache(router.pool()));
    }
    for (int from = 0; from < LONGEST; from += chunk) {
      List<BatchSlice> slices = new ArrayList<>();
      List<float[][]> targets = new ArrayList<>();
      for (int i = 0; i < prompts.size(); i++) {
        int count = Math.min(chunk, prompts.get(i).length - from);
        if (count > 0) {
          slices.add(slice(caches.get(i), prompts.get(i), from, count));
          targets.add(all.get(i));
        }
      }
      if (!slices.isEmpty()) {
        read(router.forward().run(slices), slices, targets);
        slices.forEach(slice -> slice.cache().computed(slice.from() + slice.count()));
      }
    }
    caches.forEach(SequenceCache::release);
    return all;
  }

  private static BatchSlice slice(SequenceCache cache, int[] prompt, int from, int count) {
    cache.reserve(from + count);
    return new BatchSlice(
        cache, prompt, from, count, prompt.length, BatchSlice.Logits.ALL, false, Context.root());
  }

  private static void read(BatchResult result, List<BatchSlice> slices, List<float[][]> targets) {
    for (int i = 0; i < slices.size(); i++) {
      assertThat(result.failure(i)).isEmpty();
      for (int token = 0; token < slices.get(i).count(); token++) {
        result.readLogits(i, token, targets.get(i)[slices.get(i).from() + token]);
      }
    }
  }

  /** The same model in one process and over nodes. */
  private static final class Setups implements AutoCloseable {
    private final Map<String, Router> routers = new LinkedHashMap<>();
    private final List<ClusterOfNodes> open = new ArrayList<>();

    Setups(Checkpoint checkpoint, KvCacheDType kvDType) throws Exception {
      for (int threads : List.of(1, 2)) {
        RouterOptions options = RouterOptions.inProcess(threads).withKvDType(kvDType);
        add("local, " + threads + (threads == 1 ? " thread" : " threads"), checkpoint, options);
        for (int nodes : List.of(1, 2, 3)) {
          ClusterOfNodes cluster = new ClusterOfNodes(checkpoint, nodes, threads);
          open.add(cluster);
          add(
              nodes + " nodes, " + threads + " threads each",
              checkpoint,
              options.withExperts(cluster.experts()));
        }
      }
      for (Router router : routers.values()) {
        router.lookAtNodes();
        assertThat(router.notReadyReason()).isEmpty();
      }
    }

    private void add(String name, Checkpoint checkpoint, RouterOptions options) {
      routers.put(name, Router.open(checkpoint, options, new Utilisation(), EngineObserver.NONE));
    }

    List<String> names() {
      return List.copyOf(routers.keySet());
    }

    Router router(String name) {
      return Objects.requireNonNull(routers.get(name));
    }

    @Override
    public void close() {
      for (Router router : routers.values()) {
        router.close();
      }
      for (ClusterOfNodes cluster : open) {
        cluster.close();
      }
    }
  }
}
