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
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/**
 * Makes the class caches by a training run, which does what a demo does; each process writes its
 * cache when it ends. The launcher calls this after a build.
 */
@Command(
    name = "prepare",
    hidden = true,
    description = "Make the caches for fast starts, by a training run.")
final class PrepareCommand implements Callable<Integer> {

  private static final int TOKENS = 24;

  @Override
  public Integer call() throws InterruptedException {
    Installation installation = Installation.locate();
    ClassCaches caches = ClassCaches.writing(installation);
    ClusterPlan plan = ClusterPlan.training(Installation.demoModel());
    try (LocalCluster cluster =
        LocalCluster.start(plan, installation, caches, LocalCluster.temporaryLogs())) {
      exercise(cluster);
    }
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
      gateway.complete("Once upon a time", options, piece -> {});
      System.out.print(new NodeTable(grpc.utilisation()).print(Style.PLAIN));
    }
  }
}
