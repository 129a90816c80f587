package dev.consilium.cli;

import dev.consilium.cli.cluster.ClassCaches;
import dev.consilium.cli.cluster.ClusterPlan;
import dev.consilium.cli.cluster.Installation;
import dev.consilium.cli.cluster.LocalCluster;
import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.CheckpointException;
import dev.consilium.model.expert.RoundTo;
import dev.consilium.router.KvCacheDType;
import dev.consilium.router.Router;
import dev.consilium.router.RouterOptions;
import dev.consilium.router.check.GoldenCheck;
import dev.consilium.router.check.GoldenReport;
import dev.consilium.router.dispatch.RemoteExperts.DispatchTracer;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.scheduling.EngineObserver;
import dev.consilium.serving.Channels;
import dev.consilium.serving.GrpcLimits;
import dev.consilium.serving.Target;
import dev.consilium.telemetry.Telemetry;
import dev.consilium.telemetry.TelemetryConfig;
import dev.consilium.tensor.Processors;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Compares models with the golden values beside them. */
@Command(
    name = "check",
    description =
        "Compare what this computes with what a reference implementation computed: logits, chosen experts and their weights,"
            + " a greedy continuation.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  consilium check                                   the demo model, in this process",
      "  consilium check --nodes 2 models/demo             through two expert-node processes",
      "  consilium check --chunk 5 testkit/fixtures/models/*",
      "",
      "A directory needs golden.safetensors and golden.json: testkit/fixtures/README.md says what is in them. One line for each",
      "directory; exit status 1 if one fails. Errors are shares of the largest absolute value; 1e-3 passes, 1e-6 is usual.",
    })
final class CheckCommand implements Callable<Integer> {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  @Parameters(
      paramLabel = "DIR",
      description = "Model directories with golden values. Default: the demo model.",
      arity = "0..*")
  private List<Path> models = new ArrayList<>();

  @Option(
      names = "--nodes",
      paramLabel = "N",
      defaultValue = "0",
      description = "Expert-node processes to compute the experts; 0: this process.")
  private int nodes;

  @Option(
      names = "--chunk",
      paramLabel = "TOKENS",
      defaultValue = "0",
      description = "Prompt tokens in one pass; 0: all at once.")
  private int chunk;

  @Mixin private final KvDTypeOption kvDType = new KvDTypeOption();

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "0",
      description = "Computing threads of this process; 0: the cores.")
  private int threads;

  @Mixin private final LogOption logs = new LogOption();

  private final Style style = Style.ofOutput();

  @Override
  public Integer call() {
    if (nodes < 0 || chunk < 0 || threads < 0) {
      throw new CommandFailure("--nodes, --chunk and --threads must not be negative");
    }
    List<Path> directories = models.isEmpty() ? List.of(Installation.demoModel()) : models;
    int failed = 0;
    for (Path directory : directories) {
      failed += passes(directory) ? 0 : 1;
    }
    return failed == 0 ? 0 : 1;
  }

  /** Checks one directory and prints its line. */
  private boolean passes(Path directory) {
    try (Checkpoint checkpoint = Checkpoint.open(ModelOption.checked(directory))) {
      GoldenReport report = nodes == 0 ? inProcess(checkpoint) : throughNodes(checkpoint);
      print(directory, report);
      return report.passed();
    } catch (CheckpointException | CommandFailure | StatusRuntimeException e) {
      System.out.println(style.bold("FAIL") + "  " + directory + "  " + e.getMessage());
      return false;
    }
  }

  private GoldenReport inProcess(Checkpoint checkpoint) {
    return check(checkpoint, options());
  }

  private RouterOptions options() {
    return RouterOptions.inProcess(threads == 0 ? Processors.cores() : threads)
        .withKvDType(kvDType.choice(KvCacheDType.F32));
  }

  private GoldenReport throughNodes(Checkpoint checkpoint) {
    Installation installation = Installation.locate();
    try (LocalCluster cluster =
            LocalCluster.startNodes(
                ClusterPlan.nodesOnly(checkpoint.directory(), nodes),
                installation,
                ClassCaches.of(installation),
                logs.directory());
        Telemetry telemetry =
            Telemetry.start(TelemetryConfig.withoutExport("consilium-check", "check"))) {
      List<Target> targets = cluster.nodes().stream().map(Target::parse).toList();
      return check(
          checkpoint,
          options()
              .withExperts(
                  new RouterOptions.ExpertNodes(
                      targets,
                      new Channels(GrpcLimits.DEFAULT, telemetry),
                      DispatchTracer.NONE,
                      TIMEOUT,
                      Duration.ofSeconds(1),
                      RoundTo.F32)));
    }
  }

  private GoldenReport check(Checkpoint checkpoint, RouterOptions options) {
    try (Router router = Router.open(checkpoint, options, new Utilisation(), EngineObserver.NONE)) {
      router.lookAtNodes();
      router
          .notReadyReason()
          .ifPresent(reason -> {
            throw new CommandFailure(reason);
          });
      return GoldenCheck.run(router, checkpoint.directory(), chunk);
    }
  }

  private void print(Path directory, GoldenReport report) {
    System.out.printf(
        Locale.ROOT,
        "%s  %s  largest error: logits %.1e, hidden states %.1e, gate weights %.1e%n",
        report.passed() ? style.accent("PASS") : style.bold("FAIL"),
        directory,
        report.logitError(),
        report.hiddenError(),
        report.weightError());
    if (!report.passed()) {
      report.problems().stream()
          .limit(5)
          .forEach(problem -> System.out.println("      " + problem));
      if (report.problems().size() > 5) {
        System.out.println("      and " + (report.problems().size() - 5) + " more");
      }
    }
  }
}
