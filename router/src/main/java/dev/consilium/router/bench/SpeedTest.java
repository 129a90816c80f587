package dev.consilium.router.bench;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.expert.ExpertBank;
import dev.consilium.router.Router;
import dev.consilium.router.forward.BatchResult;
import dev.consilium.router.forward.BatchSlice;
import dev.consilium.router.forward.BatchSlice.Logits;
import dev.consilium.router.forward.ForwardObserver;
import dev.consilium.router.kvcache.SequenceCache;
import io.opentelemetry.context.Context;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * Repeats one workload.
 *
 * <ol>
 *   <li>Every sequence is filled up to the depth with random tokens of its own; not timed.
 *   <li>Each repetition draws new tokens and computes them from the depth on. It overwrites what
 *       the one before left in the cache, and begins with the states as they were at the depth, so
 *       the depth is filled once.
 * </ol>
 */
public final class SpeedTest implements AutoCloseable {
  private final Router router;
  private final Map<Integer, Long> expertBytes;
  private final Workload workload;
  private final RandomGenerator random;
  private final List<SequenceCache> caches = new ArrayList<>();
  private final List<SequenceCache.Saved> atDepth = new ArrayList<>();
  private final List<int[]> tokens = new ArrayList<>();

  private SpeedTest(
      Router router, Map<Integer, Long> expertBytes, Workload workload, RandomGenerator random) {
    this.router = router;
    this.expertBytes = expertBytes;
    this.workload = workload;
    this.random = random;
  }

  /** Memory of one routed expert, by layer that has some. */
  public static Map<Integer, Long> expertBytes(Checkpoint checkpoint) {
    Map<Integer, Long> bytes = new TreeMap<>();
    checkpoint
        .spec()
        .expertCounts()
        .forEach((layer, count) -> bytes.put(layer, ExpertBank.expertBytes(checkpoint, layer)));
    return bytes;
  }

  /**
   * Fills the sequences up to the depth.
   *
   * @param router with room for the workload in its KV cache and its steps
   * @param expertBytes of one expert, by layer: {@link #expertBytes}
   * @param random draws the tokens
   */
  public static SpeedTest prepare(
      Router router, Map<Integer, Long> expertBytes, Workload workload, RandomGenerator random) {
    SpeedTest test = new SpeedTest(router, expertBytes, workload, random);
    try {
      for (int i = 0; i < workload.sequences(); i++) {
        SequenceCache cache = new SequenceCache(router.pool());
        test.caches.add(cache);
        cache.reserve(1);
        test.tokens.add(new int[workload.length()]);
      }
      test.draw(0, workload.depth());
      test.fill(0, workload.depth(), false);
      test.caches.forEach(cache -> test.atDepth.add(cache.save()));
      return test;
    } catch (RuntimeException | Error e) {
      test.close();
      throw e;
    }
  }

  /** Computes the workload once. */
  public Timing repeat() {
    draw(workload.depth(), workload.length());
    for (int i = 0; i < caches.size(); i++) {
      caches.get(i).restore(atDepth.get(i));
    }
    return switch (workload) {
      case Workload.Prefill prefill -> prefill(prefill);
      case Workload.Decode decode -> decode(decode);
    };
  }

  private Timing prefill(Workload.Prefill prefill) {
    long start = System.nanoTime();
    fill(prefill.depth(), prefill.length(), true);
    return new Timing(prefill.tokens(), System.nanoTime() - start, 0);
  }

  private Timing decode(Workload.Decode decode) {
    ChosenWeights chosen = new ChosenWeights(expertBytes);
    long start = System.nanoTime();
    for (int at = decode.depth(); at < decode.length(); at++) {
      step(at, chosen);
    }
    long nanos = System.nanoTime() - start;
    long ofEveryStep = decode.tokens() * router.forward().bytesOfEveryStep();
    return new Timing(
        (long) decode.tokens() * decode.sequences(), nanos, ofEveryStep + chosen.bytes());
  }

  private void draw(int from, int to) {
    int vocabulary = router.spec().vocabularySize();
    for (int[] sequence : tokens) {
      for (int i = from; i < to; i++) {
        sequence[i] = random.nextInt(vocabulary);
      }
    }
  }

  /** One token of every sequence. */
  private void step(int at, ForwardObserver observer) {
    List<BatchSlice> batch = new ArrayList<>(caches.size());
    for (int i = 0; i < caches.size(); i++) {
      batch.add(slice(i, at, 1, Logits.LAST));
    }
    run(batch, observer);
  }

  /** Computes a range of positions of every sequence, in steps that are as full as possible. */
  private void fill(int from, int to, boolean logits) {
    int most = router.engine().limits().step().batchTokens();
    int room = most;
    List<BatchSlice> batch = new ArrayList<>();
    for (int i = 0; i < caches.size(); i++) {
      for (int at = from; at < to; ) {
        int count = Math.min(room, to - at);
        boolean last = logits && at + count == to;
        batch.add(slice(i, at, count, last ? Logits.LAST : Logits.NONE));
        at += count;
        room -= count;
        if (room == 0) {
          run(batch, ForwardObserver.NONE);
          batch = new ArrayList<>();
          room = most;
        }
      }
    }
    if (!batch.isEmpty()) {
      run(batch, ForwardObserver.NONE);
    }
  }

  private BatchSlice slice(int sequence, int from, int count, Logits logits) {
    caches.get(sequence).reserve(from + count);
    return new BatchSlice(
        caches.get(sequence),
        tokens.get(sequence),
        from,
        count,
        tokens.get(sequence).length,
        logits,
        false,
        Context.root());
  }

  private void run(List<BatchSlice> batch, ForwardObserver observer) {
    BatchResult result = router.forward().run(batch, observer);
    for (int i = 0; i < batch.size(); i++) {
      result
          .failure(i)
          .ifPresent(status -> {
            throw status.asRuntimeException();
          });
      BatchSlice slice = batch.get(i);
      slice.cache().computed(slice.from() + slice.count());
    }
  }

  /** Gives the cache back. */
  @Override
  public void close() {
    caches.forEach(SequenceCache::release);
  }
}
