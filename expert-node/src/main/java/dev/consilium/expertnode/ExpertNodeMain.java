package dev.consilium.expertnode;

import dev.consilium.model.checkpoint.CheckpointException;
import dev.consilium.serving.GrpcLimits;
import dev.consilium.serving.Lifecycle;
import dev.consilium.serving.MetricsEndpoint;
import dev.consilium.serving.ProcessConfig;
import dev.consilium.serving.ProcessSettings;
import dev.consilium.serving.RunningProcess;
import dev.consilium.telemetry.Telemetry;
import dev.consilium.telemetry.TelemetryConfig;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletionStage;

/** The process {@code expert-node}. Options: {@link NodeSettings} and {@link ProcessSettings}. */
public final class ExpertNodeMain {

  private ExpertNodeMain() {}

  public static void main(String[] arguments) {
    Lifecycle.run("expert-node", arguments, List.of(NodeSettings.class), ExpertNodeMain::start);
  }

  static RunningProcess start(ProcessConfig config) throws IOException {
    ProcessSettings settings = config.get(ProcessSettings.class);
    ExpertNodeConfig nodeConfig =
        ExpertNodeConfig.of(
            config.get(NodeSettings.class),
            settings.model(),
            GrpcLimits.of(settings.grpc()),
            settings.drainTimeout(),
            System.currentTimeMillis());
    Telemetry telemetry = Telemetry.start(telemetryConfig(settings, nodeConfig));
    try {
      ExpertNode node = ExpertNode.start(nodeConfig, telemetry);
      return new Running(node, telemetry, metrics(settings.metrics(), telemetry));
    } catch (CheckpointException unreadable) {
      throw new IOException(unreadable.getMessage(), unreadable);
    }
  }

  private static TelemetryConfig telemetryConfig(
      ProcessSettings settings, ExpertNodeConfig nodeConfig) {
    return new TelemetryConfig(
        "consilium-expert-node",
        nodeConfig
            .identity()
            .name()
            .orElseGet(() -> nodeConfig.identity().host() + ":" + nodeConfig.identity().port()),
        settings.telemetry().otlpEndpoint(),
        settings.telemetry().sampleRatio());
  }

  private static Optional<MetricsEndpoint> metrics(
      ProcessSettings.Metrics settings, Telemetry telemetry) throws IOException {
    return settings.port() == 0
        ? Optional.empty()
        : Optional.of(
            MetricsEndpoint.start(
                new InetSocketAddress(settings.host(), settings.port()), telemetry));
  }

  private record Running(ExpertNode node, Telemetry telemetry, Optional<MetricsEndpoint> metrics)
      implements RunningProcess {

    @Override
    public SortedMap<String, Integer> ports() {
      SortedMap<String, Integer> ports = new TreeMap<>();
      ports.put("grpc", node.port());
      metrics.ifPresent(endpoint -> ports.put("metrics", endpoint.port()));
      return ports;
    }

    @Override
    public CompletionStage<Void> ready() {
      return node.ready();
    }

    @Override
    public void drain(Duration limit) {
      try {
        node.drain(limit);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
      }
    }

    @Override
    public void stop() {
      node.close();
      metrics.ifPresent(MetricsEndpoint::close);
      telemetry.close();
    }
  }
}
