package dev.consilium.expertnode.wire;

import dev.consilium.expertnode.FakeWeights;
import dev.consilium.expertnode.execution.ExecutionLimits;
import dev.consilium.expertnode.execution.ExecutionMeters;
import dev.consilium.expertnode.execution.ExpertExecutor;
import dev.consilium.expertnode.loading.AssignException;
import dev.consilium.expertnode.loading.AssignOrder;
import dev.consilium.expertnode.loading.ExpertStore;
import dev.consilium.telemetry.Telemetry;
import dev.consilium.telemetry.TelemetryConfig;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * The service on fake weights, in process: hidden size 2, layers 1 and 2 of four experts, of which
 * it holds layer 1 whole and of layer 2 experts 0 and 1, under epoch 8.
 */
final class ServiceUnderTest implements AutoCloseable {

  static final long EPOCH = 8;
  static final int MOST_TOKENS = 16;

  final FakeWeights weights = new FakeWeights();
  final ExpertStore store;
  final ExpertExecutor executor;
  final ManagedChannel channel;

  private final Telemetry telemetry =
      Telemetry.start(TelemetryConfig.withoutExport("expert-node", "test"));
  private final Server server;

  ServiceUnderTest() throws IOException, AssignException {
    this(new ExecutionLimits(100, 1 << 20, 64), 1 << 20);
  }

  ServiceUnderTest(ExecutionLimits limits, long streamBytes) throws IOException, AssignException {
    store = new ExpertStore("node-a", weights, new TreeMap<>(Map.of(1, 4, 2, 4)), 1000, EPOCH - 1);
    TreeMap<Integer, NavigableSet<Integer>> held = new TreeMap<>();
    held.put(1, new TreeSet<>(List.of(0, 1, 2, 3)));
    held.put(2, new TreeSet<>(List.of(0, 1)));
    store.change(new AssignOrder(held, new TreeMap<>(), OptionalLong.empty()), (_, _, _) -> true);
    executor =
        new ExpertExecutor(
            "node-a", weights, limits, new ExecutionMeters(telemetry, store.expertCounts()));
    ExpertGrpcService service =
        new ExpertGrpcService(
            new NodeFacts("node-a", "model", "cpu", 2),
            store,
            executor,
            new WireLimits(
                MOST_TOKENS, 2048, streamBytes, Duration.ofSeconds(30), Duration.ofSeconds(30)),
            () -> 0.25,
            () -> {});
    String name = InProcessServerBuilder.generateName();
    server =
        InProcessServerBuilder.forName(name).directExecutor().addService(service).build().start();
    channel = InProcessChannelBuilder.forName(name).directExecutor().build();
  }

  String metrics() {
    return telemetry.prometheusText();
  }

  /** Waits until this many dispatches have been admitted and are not yet being computed. */
  void awaitWaiting(int dispatches) {
    Pattern depth =
        Pattern.compile("(?m)^consilium_expert_queue_depth(\\{.*})? " + dispatches + "\\.0$");
    while (!depth.matcher(metrics()).find()) {
      Thread.onSpinWait();
    }
  }

  @Override
  public void close() {
    weights.allow(1000);
    channel.shutdownNow();
    server.shutdownNow();
    executor.close();
    telemetry.close();
  }
}
