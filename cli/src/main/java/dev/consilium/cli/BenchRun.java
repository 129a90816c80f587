package dev.consilium.cli;

import dev.consilium.cli.bench.BenchReport;
import dev.consilium.cli.bench.Machine;
import dev.consilium.cli.bench.ModelFile;
import dev.consilium.cli.bench.PeakMemory;
import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.router.KvCacheDType;
import dev.consilium.router.Router;
import dev.consilium.router.RouterOptions;
import dev.consilium.router.bench.SpeedTest;
import dev.consilium.router.bench.Timing;
import dev.consilium.router.bench.Workload;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.forward.ForwardPass;
import dev.consilium.router.kvcache.KvPool;
import dev.consilium.router.scheduling.EngineObserver;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.KvDType;
import dev.consilium.tensor.ReadBandwidth;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
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
 *   <li>For each workload: fill the sequences up to the depth, repetitions that do not count, then
 *       those that do.
 *   <li>Before the first workload and after each, measure how fast memory can be read: on machines
 *       that others use as well, the best of several moments is the limit.
 * </ol>
 */
final class BenchRun {
  private static final long SEED = 42;
  private static final Workload ONE_TOKEN = new Workload.Decode(1, 1, 0);

  private final Path directory;
  private final Settings settings;
  private final List<Workload> workloads;
  private final PeakMemory peak = new PeakMemory();
  private final SplittableRandom random = new SplittableRandom(SEED);
  private final List<Double> reads = new ArrayList<>();

  /**
   * How to measure.
   *
   * @param threads that compute, at least 1
   * @param kvDType of the KV cache
   * @param warmUp how long a test is repeated at least before it counts
   * @param repetitions that count, at least 1
   * @param readBytes of memory that are read to find out how fast that is
   */
  record Settings(
      int threads, KvCacheDType kvDType, Duration warmUp, int repetitions, long readBytes) {}

  /**
   * @param workloads in the order to run; none to measure the loading alone
   */
  BenchRun(Path directory, Settings settings, List<Workload> workloads) {
    this.directory = directory;
    this.settings = settings;
    this.workloads = List.copyOf(workloads);
  }

  BenchReport measure() {
    say("loading " + directory);
    Instant started = Instant.now();
    long start = System.nanoTime();
    Checkpoint.readAhead(directory);
    Kernels.chooseAhead();
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      KvDType kvDType = settings.kvDType().dtype(checkpoint);
      RouterOptions options = options(checkpoint.spec(), kvDType);
      try (Router router =
          Router.open(checkpoint, options, new Utilisation(), EngineObserver.NONE)) {
        Duration weights = Duration.ofNanos(System.nanoTime() - start);
        Duration ready = StartClock.elapsed();
        Map<Integer, Long> expertBytes = SpeedTest.expertBytes(checkpoint);
        computeOneToken(router, expertBytes);
        Duration firstToken = StartClock.elapsed();
        List<BenchReport.Row> rows = rows(router, expertBytes);
        OptionalLong most = peak.bytes();
        readIfMeasuring(router);
        return new BenchReport(
            new BenchReport.Run(Version.number(), started, settings.warmUp()),
            Machine.here(),
            ModelFile.of(checkpoint),
            new BenchReport.Engine(
                options.threads(),
                router.device().kernels().description(),
                kvDType.name().toLowerCase(Locale.ROOT),
                cacheBytes(
                    checkpoint.spec(),
                    kvDType,
                    KvPool.blocksFor(options.kvCacheTokens()),
                    workloads.stream().mapToInt(Workload::sequences).max().orElse(1),
                    options.limits().batchTokens())),
            new BenchReport.Load(weights, ready, firstToken, most),
            reads,
            rows);
      }
    }
  }

  /** As {@code run} has them, with a KV cache for the largest workload. */
  private RouterOptions options(ModelSpec spec, KvDType kvDType) {
    RouterOptions options =
        RouterOptions.inProcess(settings.threads()).withKvDType(settings.kvDType());
    int mostSequences = options.limits().batchTokens();
    workloads.forEach(workload -> requirePossible(workload, spec.contextLength(), mostSequences));
    int blocks = workloads.stream().mapToInt(Workload::cacheBlocks).max().orElse(1);
    int sequences = workloads.stream().mapToInt(Workload::sequences).max().orElse(1);
    requireMemory(cacheBytes(spec, kvDType, blocks, sequences, mostSequences), blocks);
    return options.withKvCacheTokens(blocks * KvPool.BLOCK_TOKENS).withRunning(sequences);
  }

  private void requirePossible(Workload workload, int contextLength, int mostSequences) {
    if (workload.length() > contextLength) {
      throw new CommandFailure(
          "%s takes %d tokens of a sequence, but the context of %s has %d: expected less depth or fewer tokens"
              .formatted(workload.name(), workload.length(), directory, contextLength));
    }
    if (workload.sequences() > mostSequences) {
      throw new CommandFailure(
          "--batch is %d, expected at most %d: one step takes no more tokens"
              .formatted(workload.sequences(), mostSequences));
    }
  }

  private static long cacheBytes(
      ModelSpec spec, KvDType kvDType, int blocks, int sequences, int stepTokens) {
    return ForwardPass.cacheLayout(spec, kvDType).byteSize(blocks, sequences, stepTokens);
  }

  private static void requireMemory(long cacheBytes, int blocks) {
    long available = Machine.availableBytes();
    if (cacheBytes > available || blocks > Integer.MAX_VALUE / KvPool.BLOCK_TOKENS) {
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
        "%s: warm up, then %d repetitions%s"
            .formatted(
                workload.name(),
                settings.repetitions(),
                workload.depth() > 0
                    ? " after " + (long) workload.depth() * workload.sequences() + " tokens"
                    : ""));
    try (SpeedTest test = SpeedTest.prepare(router, expertBytes, workload, random)) {
      warmUp(test);
      List<Timing> timings = new ArrayList<>();
      for (int i = 0; i < settings.repetitions(); i++) {
        timings.add(test.repeat());
      }
      return new BenchReport.Row(workload, timings);
    }
  }

  private void computeOneToken(Router router, Map<Integer, Long> expertBytes) {
    try (SpeedTest test = SpeedTest.prepare(router, expertBytes, ONE_TOKEN, random)) {
      test.repeat();
    }
  }

  /** At least once, and until the compiler has had time to do its work. */
  private void warmUp(SpeedTest test) {
    long end = System.nanoTime() + settings.warmUp().toNanos();
    do {
      test.repeat();
    } while (System.nanoTime() - end < 0);
  }

  private double read(Router router) {
    double speed = ReadBandwidth.measure(router.device().team(), settings.readBytes());
    say(String.format(Locale.ROOT, "reading memory: %.1f GB/s", speed / 1e9));
    return speed;
  }

  private static void say(String text) {
    System.err.println("bench: " + text);
  }
}
