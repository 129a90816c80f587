package dev.consilium.cli;

import dev.consilium.cli.cluster.ClassCaches;
import dev.consilium.cli.cluster.ClusterPlan;
import dev.consilium.cli.cluster.Installation;
import dev.consilium.cli.cluster.LocalCluster;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Starts a cluster on this machine and keeps it until it is told to stop. */
@Command(
    name = "up",
    description = "Serve a model with a cluster on this machine, until Ctrl-C.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  consilium up                                   the demo model at http://127.0.0.1:8080/v1",
      "  consilium up --model ~/models/mixtral --nodes 4 --port 9090",
      "  consilium up --port 0 --log-dir logs           any free port; logs where they are wanted",
      "",
      "Point an OpenAI client at the address it prints. Settings of the services that have no option here are taken from",
      "the environment, for example CONSILIUM_ROUTER_KV_CACHE_TOKENS=65536.",
    })
final class UpCommand implements Callable<Integer> {

  @Mixin private final ModelOption model = new ModelOption();

  @Option(
      names = "--nodes",
      paramLabel = "N",
      defaultValue = "2",
      description = "Expert nodes. Default: ${DEFAULT-VALUE}.")
  private int nodes;

  @Option(
      names = "--routers",
      paramLabel = "N",
      defaultValue = "1",
      description = "Routers. Default: ${DEFAULT-VALUE}.")
  private int routers;

  @Option(
      names = "--host",
      defaultValue = "127.0.0.1",
      description =
          "Address that the gateway listens on. Default: ${DEFAULT-VALUE}, this machine only.")
  private String host = "";

  @Option(
      names = "--port",
      defaultValue = "8080",
      description = "Port of the HTTP API; 0: any free one. Default: ${DEFAULT-VALUE}.")
  private int port;

  @Option(
      names = "--grpc-port",
      defaultValue = "9000",
      description = "Port of the gRPC API; 0: any free one. Default: ${DEFAULT-VALUE}.")
  private int grpcPort;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Computing threads of each process; 0: the cores, divided among the processes of a kind.")
  private int threads;

  @Mixin private final KvDTypeOption kvDType = new KvDTypeOption();

  @Option(
      names = "--start-limit",
      paramLabel = "SECONDS",
      defaultValue = "600",
      description = "Longest wait for the model to be loaded. Default: ${DEFAULT-VALUE}.")
  private long startLimit;

  @Mixin private final LogOption logs = new LogOption();

  @Override
  public Integer call() throws InterruptedException {
    Installation installation = Installation.locate();
    ClusterPlan plan =
        new ClusterPlan(
            model.directory(),
            nodes,
            routers,
            threads,
            kvDType.choice(),
            new ClusterPlan.Door(host, port, grpcPort),
            new ClusterPlan.Limits(Duration.ofSeconds(startLimit), Duration.ofSeconds(15)));
    try (LocalCluster cluster =
        LocalCluster.start(plan, installation, ClassCaches.of(installation), logs.directory())) {
      System.out.printf("ready after %.1f s%n", StartClock.elapsed().toNanos() / 1e9);
      System.out.println("HTTP  " + cluster.gateway() + "/v1");
      System.out.println("gRPC  " + cluster.gateway().getHost() + ":" + cluster.gatewayGrpcPort());
      System.out.println("logs  " + cluster.logs());
      System.out.println("Ctrl-C stops it.");
      throw new CommandFailure(cluster.awaitFailure());
    }
  }
}
