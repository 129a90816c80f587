package dev.consilium.router;

import dev.consilium.expertnode.ExpertNode;
import dev.consilium.expertnode.ExpertNodeConfig;
import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.expert.RoundTo;
import dev.consilium.placement.Share;
import dev.consilium.router.dispatch.RemoteExperts.DispatchTracer;
import dev.consilium.serving.Channels;
import dev.consilium.serving.GrpcLimits;
import dev.consilium.serving.Target;
import dev.consilium.telemetry.Telemetry;
import dev.consilium.telemetry.TelemetryConfig;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Real expert nodes on loopback ports, in this process, that share the experts of a model. */
final class ClusterOfNodes implements AutoCloseable {
  private final Telemetry telemetry =
      Telemetry.start(TelemetryConfig.withoutExport("test", "test"));
  private final List<ExpertNode> nodes = new ArrayList<>();

  ClusterOfNodes(Checkpoint checkpoint, int count, int threads) throws Exception {
    for (int i = 0; i < count; i++) {
      nodes.add(
          ExpertNode.start(
              ExpertNodeConfig.onLoopback(
                  checkpoint.directory(), Optional.of(new Share(i, count)), threads),
              telemetry));
    }
    for (ExpertNode node : nodes) {
      node.ready().toCompletableFuture().join();
    }
  }

  RouterOptions.ExpertNodes experts() {
    List<Target> targets =
        nodes.stream().map(node -> new Target("127.0.0.1", node.port(), false)).toList();
    return new RouterOptions.ExpertNodes(
        targets,
        new Channels(GrpcLimits.DEFAULT, telemetry),
        DispatchTracer.NONE,
        Duration.ofSeconds(30),
        Duration.ofSeconds(1),
        RoundTo.F32);
  }

  @Override
  public void close() {
    nodes.forEach(ExpertNode::close);
    telemetry.close();
  }
}
