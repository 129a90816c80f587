package dev.consilium.cli;

import dev.consilium.cli.bench.BenchJson;
import dev.consilium.cli.bench.BenchReport;
import dev.consilium.cli.bench.Machine;
import dev.consilium.router.bench.Workload;
import dev.consilium.tensor.Processors;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Measures how fast this machine computes a model, in this process. */
@Command(
    name = "bench",
    description = "Measure prefill and decode, beside what memory allows; load time and memory.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  consilium bench model.gguf                                  pp512 and tg128, as llama-bench",
      "  consilium bench model.gguf -p 0 -n 64 -b 4,8,16,32 -d 128   many sequences, each after 128 tokens of its own",
      "  consilium bench model.gguf -d 0,4096 --json                 at the beginning and deep in a context",
      "  consilium bench model.gguf --load-only                      how long to load, how much memory",
      "",
      "Rates are medians over the repetitions, of all sequences together. weights: the bytes of matrices that a decode"
          + " step reads, of the experts those that were chosen, without the KV cache. The limit is how fast as many"
          + " threads read memory, at best in this run.",
    })
final class BenchCommand implements Callable<Integer> {
  private static final int MOST_TOKENS = 1 << 24;
  private static final int MOST_THREADS = 1024;
  private static final int MOST_REPETITIONS = 10_000;
  private static final int MOST_SECONDS = 3600;
  private static final int MOST_READ_MEBIBYTES = 1 << 16;
  private static final long MOST_READ_BYTES = 2L << 30;
  private static final long LEAST_READ_BYTES = 64L << 20;

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "MODEL",
      description = "The same as --model.")
  private Optional<Path> named = Optional.empty();

  @Mixin private final ModelOption model = new ModelOption();

  @Option(
      names = {"-p", "--prompt"},
      split = ",",
      paramLabel = "TOKENS",
      description = "Prompt to compute, of one sequence; 0: none. Default: 512.")
  private List<Integer> prompts = List.of(512);

  @Option(
      names = {"-n", "--generate"},
      split = ",",
      paramLabel = "TOKENS",
      description = "Tokens to generate for each sequence; 0: none. Default: 128.")
  private List<Integer> generates = List.of(128);

  @Option(
      names = {"-b", "--batch"},
      split = ",",
      paramLabel = "SEQUENCES",
      description = "Sequences that generate together. Default: 1.")
  private List<Integer> batches = List.of(1);

  @Option(
      names = {"-d", "--depth"},
      split = ",",
      paramLabel = "TOKENS",
      description = "Tokens that each sequence has before, not timed. Default: 0.")
  private List<Integer> depths = List.of(0);

  @Option(
      names = {"-t", "--threads"},
      paramLabel = "N",
      defaultValue = "0",
      description = "Computing threads; 0: one for each core.")
  private int threads;

  @Mixin private final KvDTypeOption kvDType = new KvDTypeOption();

  @Option(
      names = {"-r", "--repetitions"},
      paramLabel = "N",
      defaultValue = "5",
      description = "Times that each test is repeated. Default: ${DEFAULT-VALUE}.")
  private int repetitions;

  @Option(
      names = "--warm-up",
      paramLabel = "SECONDS",
      defaultValue = "5",
      description =
          "Time that each test runs before it counts, at least once: the JVM compiles meanwhile. Default: ${DEFAULT-VALUE}.")
  private int warmUpSeconds;

  @Option(
      names = "--read-mib",
      paramLabel = "MIB",
      description =
          "Memory to read to find out how fast that is: more than the caches hold. Default: 2048, or a quarter of what is"
              + " free.")
  private Optional<Integer> readMebibytes = Optional.empty();

  @Option(names = "--load-only", description = "Load the model, compute one token, and that is it.")
  private boolean loadOnly;

  @Option(names = "--json", description = "For programs: one JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    checkOptions();
    List<Workload> workloads = loadOnly ? List.of() : workloads();
    BenchReport report = new BenchRun(model.directory(named), settings(), workloads).measure();
    System.out.println(
        json ? BenchJson.of(report) : new BenchTable(report, Style.ofOutput()).print());
    return 0;
  }

  private BenchRun.Settings settings() {
    long readBytes =
        readMebibytes.isPresent()
            ? (long) readMebibytes.get() << 20
            : Math.clamp(Machine.availableBytes() / 4, LEAST_READ_BYTES, MOST_READ_BYTES);
    return new BenchRun.Settings(
        threads > 0 ? threads : Processors.cores(),
        kvDType.choice(),
        Duration.ofSeconds(warmUpSeconds),
        repetitions,
        readBytes);
  }

  private void checkOptions() {
    prompts.forEach(tokens -> inRange("--prompt", tokens, 0, MOST_TOKENS));
    generates.forEach(tokens -> inRange("--generate", tokens, 0, MOST_TOKENS));
    depths.forEach(tokens -> inRange("--depth", tokens, 0, MOST_TOKENS));
    batches.forEach(sequences -> inRange("--batch", sequences, 1, MOST_TOKENS));
    inRange("--threads", threads, 0, MOST_THREADS);
    inRange("--warm-up", warmUpSeconds, 0, MOST_SECONDS);
    inRange("--repetitions", repetitions, 1, MOST_REPETITIONS);
    readMebibytes.ifPresent(size -> inRange("--read-mib", size, 1, MOST_READ_MEBIBYTES));
  }

  private static void inRange(String option, int value, int least, int most) {
    if (value < least || value > most) {
      throw new CommandFailure("%s is %d, expected %d to %d".formatted(option, value, least, most));
    }
  }

  private List<Workload> workloads() {
    List<Workload> all = new ArrayList<>();
    for (int depth : depths) {
      for (int prompt : prompts) {
        if (prompt > 0) {
          all.add(new Workload.Prefill(prompt, depth));
        }
      }
      for (int generate : generates) {
        for (int batch : batches) {
          if (generate > 0) {
            all.add(new Workload.Decode(generate, batch, depth));
          }
        }
      }
    }
    if (all.isEmpty()) {
      throw new CommandFailure(
          "--prompt and --generate are 0, so there is nothing to measure; --load-only measures the loading alone");
    }
    return all;
  }
}
