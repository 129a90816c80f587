package dev.consilium.cli;

import dev.consilium.cli.bench.BenchReport;
import dev.consilium.cli.bench.Machine;
import dev.consilium.cli.bench.ModelFile;
import dev.consilium.cli.bench.PeakMemory;
import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.router.Router;
import dev.consilium.router.RouterOptions;
import dev.consilium.router.bench.SpeedTest;
import dev.consilium.router.bench.Timing;
import dev.consilium.router.bench.Workload;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.forward.ForwardPass;
import dev.consilium.router.kvcache.KvPool;
import dev.consilium.router.scheduling.EngineObserver;
import dev.consilium.tensor.ReadBandwidth;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.SplittableRandom;

/**
 * One benchmark of one model.
 *
 * <ol>
 *   <li>Load the model as {@code run} does; compute one token.
 *   <li>For each workload: fill the sequences up to the depth, one repetition that does not count,
 *       then those that do.
 *   <li>Before the first workload and after each, measure how fast memory can be read: on machines
 *       that others use as well, the best of several moments is the limit.
 * </ol>
 */
final class BenchRun {
  private static final long SEED = 42;

  /** More than any cache holds. */
  private static final long MOST_READ_BYTES = 2L << 30;

  private static final String KV_DTYPE = "f32";
  private static final Workload ONE_TOKEN = new Workload.Decode(1, 1, 0);

  private final Path directory;
  private final RouterOptions options;
  private final int repetitions;
  private final List<Workload> workloads;
  private final PeakMemory peak = new PeakMemory();
  private final SplittableRandom random = new SplittableRandom(SEED);
  private final List<Double> reads = new ArrayList<>();

  /**
   * @param workloads in the order to run; none to measure the loading alone
   */
  BenchRun(Path directory, int threads, int repetitions, List<Workload> workloads) {
    this.directory = directory;
    this.repetitions = repetitions;
    this.workloads = List.copyOf(workloads);
    int blocks = workloads.stream().mapToInt(Workload::cacheBlocks).max().orElse(1);
    this.options =
        RouterOptions.inProcess(threads)
            .withKvCacheTokens(Math.multiplyExact(blocks, KvPool.BLOCK_TOKENS));
  }

  BenchReport measure() {
    say("loading " + directory);
    long start = System.nanoTime();
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      workloads.forEach(workload -> requirePossible(workload, checkpoint.spec()));
      long cacheBytes = cacheBytes(checkpoint.spec());
      requireMemory(cacheBytes);
      try (Router router =
          Router.open(checkpoint, options, new Utilisation(), EngineObserver.NONE)) {
        Duration weights = Duration.ofNanos(System.nanoTime() - start);
        Duration ready = StartClock.elapsed();
        Map<Integer, Long> expertBytes = SpeedTest.expertBytes(checkpoint);
        repeat(router, expertBytes, ONE_TOKEN, 1);
        Duration firstToken = StartClock.elapsed();
        List<BenchReport.Row> rows = rows(router, expertBytes);
        OptionalLong most = peak.bytes();
        readIfMeasuring(router);
        return new BenchReport(
            Machine.here(),
            ModelFile.of(checkpoint),
            new BenchReport.Engine(
                options.threads(), router.device().kernels().description(), KV_DTYPE, cacheBytes),
            new BenchReport.Load(weights, ready, firstToken, most),
            reads,
            rows);
      }
    }
  }

  private void requirePossible(Workload workload, ModelSpec spec) {
    if (workload.length() > spec.contextLength()) {
      throw new CommandFailure(
          "%s takes %d tokens of a sequence, but the context of %s has %d: expected less depth or fewer tokens"
              .formatted(workload.name(), workload.length(), directory, spec.contextLength()));
    }
    int most = options.limits().batchTokens();
    if (workload.sequences() > most) {
      throw new CommandFailure(
          "--batch is %d, expected at most %d: one step takes no more tokens"
              .formatted(workload.sequences(), most));
    }
  }

  private long cacheBytes(ModelSpec spec) {
    return KvPool.byteSize(
        ForwardPass.attentionShapes(spec), KvPool.blocksFor(options.kvCacheTokens()));
  }

  private static void requireMemory(long cacheBytes) {
    long available = Machine.availableBytes();
    if (cacheBytes > available) {
      throw new CommandFailure(
          "the KV cache would take %s, but %s are free: expected fewer sequences or less depth"
              .formatted(Amounts.bytes(cacheBytes), Amounts.bytes(available)));
    }
  }

  private List<BenchReport.Row> rows(Router router, Map<Integer, Long> expertBytes) {
    boolean between = !workloads.isEmpty() && peak.canLeaveOut();
    List<BenchReport.Row> rows = new ArrayList<>();
    for (Workload workload : workloads) {
      if (between) {
        reads.add(peak.leavingOut(() -> read(router)));
      }
      rows.add(row(router, expertBytes, workload));
    }
    return rows;
  }

  /** After the peak of memory was looked at for the last time. */
  private void readIfMeasuring(Router router) {
    if (!workloads.isEmpty()) {
      reads.add(read(router));
    }
  }

  private BenchReport.Row row(Router router, Map<Integer, Long> expertBytes, Workload workload) {
    say(
        "%s: 1 and %d repetitions%s"
            .formatted(
                workload.name(),
                repetitions,
                workload.depth() > 0
                    ? " after " + (long) workload.depth() * workload.sequences() + " tokens"
                    : ""));
    List<Timing> timings = repeat(router, expertBytes, workload, 1 + repetitions);
    return new BenchReport.Row(workload, timings.subList(1, timings.size()));
  }

  private List<Timing> repeat(
      Router router, Map<Integer, Long> expertBytes, Workload workload, int times) {
    List<Timing> timings = new ArrayList<>();
    try (SpeedTest test = SpeedTest.prepare(router, expertBytes, workload, random)) {
      for (int i = 0; i < times; i++) {
        timings.add(test.repeat());
      }
    }
    return timings;
  }

  private static double read(Router router) {
    long bytes = Math.min(MOST_READ_BYTES, Machine.availableBytes() / 4);
    double speed = ReadBandwidth.measure(router.device().team(), bytes);
    say(String.format(Locale.ROOT, "reading memory: %.1f GB/s", speed / 1e9));
    return speed;
  }

  private static void say(String text) {
    System.err.println("bench: " + text);
  }
}
