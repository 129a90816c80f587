package dev.consilium.cli;

import dev.consilium.cli.cluster.ClassCaches;
import dev.consilium.cli.cluster.ClusterPlan;
import dev.consilium.cli.cluster.Installation;
import dev.consilium.cli.cluster.LocalCluster;
import dev.consilium.cli.text.ChatTurn;
import dev.consilium.cli.text.GatewaySource;
import dev.consilium.cli.text.TextOptions;
import dev.consilium.cli.text.TextSource;
import dev.consilium.cli.wire.GatewayGrpc;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Makes the class caches by training runs: a cluster that does what a demo does, and a process that
 * computes by itself. Each process writes its cache when it ends. The launcher calls this after a
 * build.
 */
@Command(
    name = "prepare",
    hidden = true,
    description = "Make the caches for fast starts, by training runs.")
final class PrepareCommand implements Callable<Integer> {

  private static final int TOKENS = 24;
  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final String PROMPT = "Once upon a time";

  @Option(
      names = "--computing",
      paramLabel = "GGUF",
      description = "Be the process that computes by itself, with this file.")
  private Optional<Path> computing = Optional.empty();

  @Override
  public Integer call() throws InterruptedException, IOException {
    if (computing.isPresent()) {
      compute(computing.get());
      return 0;
    }
    Installation installation = Installation.locate();
    ClassCaches caches = ClassCaches.writing(installation);
    ClusterPlan plan = ClusterPlan.training(Installation.demoModel());
    try (LocalCluster cluster =
        LocalCluster.start(plan, installation, caches, LocalCluster.temporaryLogs())) {
      exercise(cluster);
    }
    startComputing(installation, caches);
    caches.finish();
    return 0;
  }

  private static void exercise(LocalCluster cluster) throws InterruptedException {
    try (TextSource gateway = new GatewaySource(cluster.gateway());
        GatewayGrpc grpc =
            new GatewayGrpc(cluster.gateway().getHost(), cluster.gatewayGrpcPort())) {
      TextOptions options = TextOptions.upTo(TOKENS);
      gateway.chat(
          List.of(ChatTurn.user("Tell me a story about a dog and a ball.")), options, piece -> {});
      gateway.complete(PROMPT, options, piece -> {});
      System.out.print(new NodeTable(grpc.utilisation()).print(Style.PLAIN));
    }
  }

  private static void startComputing(Installation installation, ClassCaches caches)
      throws InterruptedException, IOException {
    Path directory = Files.createTempDirectory("consilium-");
    Path file = directory.resolve("demo.gguf");
    directory.toFile().deleteOnExit();
    file.toFile().deleteOnExit();
    consilium("quantize", Installation.demoModel().toString(), file.toString(), "-t", "q8_0");
    List<String> arguments = List.of("prepare", "--computing", file.toString());
    Process process =
        new ProcessBuilder(installation.computing(caches, ConsiliumMain.class.getName(), arguments))
            .inheritIO()
            .start();
    // It ends with us, whatever ends us.
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly, "stop-computing"));
    if (!process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
      throw new CommandFailure(
          "%s did not end within %d s".formatted(String.join(" ", arguments), LIMIT.toSeconds()));
    }
    require(process.exitValue(), String.join(" ", arguments));
  }

  /** A GGUF file and a directory, measured and generated with. */
  private static void compute(Path gguf) {
    String file = gguf.toString();
    consilium(
        "bench", file, "-p", "32", "-n", "8", "-r", "1", "--warm-up", "0", "--read-mib", "64");
    consilium("run", "-n", Integer.toString(TOKENS), PROMPT);
  }

  private static void consilium(String... arguments) {
    require(ConsiliumMain.run(arguments), String.join(" ", arguments));
  }

  private static void require(int status, String command) {
    if (status != 0) {
      throw new CommandFailure("%s ended with status %d".formatted(command, status));
    }
  }
}
