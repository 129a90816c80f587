package dev.consilium.gateway;

import dev.consilium.serving.Lifecycle;
import dev.consilium.serving.ParentWatch;
import dev.consilium.serving.ProcessConfig;
import dev.consilium.serving.ProcessSettings;
import dev.consilium.telemetry.Telemetry;
import dev.consilium.telemetry.TelemetryConfig;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.ShutdownDelayInitiatedEvent;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.annotations.CommandLineArguments;
import io.quarkus.vertx.http.HttpServerStart;
import io.vertx.core.Vertx;
import io.vertx.ext.web.Router;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.event.ObservesAsync;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.eclipse.microprofile.config.ConfigProvider;

/**
 * The gateway as a Quarkus application: its life, and its place on the HTTP server. Keys below
 * {@code consilium} are read as all our processes read them, those below {@code quarkus} as Quarkus
 * does.
 */
@ApplicationScoped
public class GatewayApplication {
  private static final Logger LOG = System.getLogger(GatewayApplication.class.getName());

  private final ProcessSettings settings;
  private final Gateway gateway;

  GatewayApplication(@CommandLineArguments String[] arguments, Vertx vertx) throws IOException {
    ProcessConfig config =
        ProcessConfig.load(
            List.of(arguments), List.of(ProcessSettings.class, GatewaySettings.class));
    settings = config.get(ProcessSettings.class);
    GatewayOptions options = GatewayOptions.of(settings, config.get(GatewaySettings.class));
    TelemetryConfig telemetry =
        new TelemetryConfig(
            "consilium-gateway",
            "gateway-" + ProcessHandle.current().pid(),
            settings.telemetry().otlpEndpoint(),
            settings.telemetry().sampleRatio());
    this.gateway = Gateway.start(vertx, options, Telemetry.start(telemetry));
  }

  /** Every path is ours. */
  void mount(@Observes Router router) {
    router.route().handler(context -> gateway.handle(context.request()));
  }

  /** Scripts that start processes on free ports wait for the file. */
  void listening(@ObservesAsync HttpServerStart server) {
    int http = ConfigProvider.getConfig().getValue("quarkus.http.port", Integer.class);
    TreeMap<String, Integer> ports =
        new TreeMap<>(Map.of("http", http, "grpc", gateway.grpcPort()));
    try {
      if (settings.announceFile().isPresent()) {
        Lifecycle.announce(settings.announceFile().get(), ports);
      }
    } catch (IOException failed) {
      // Who waits for the file would wait for ever; an exception here ends nothing.
      LOG.log(Level.ERROR, "the gateway did not start: " + failed.getMessage());
      Quarkus.asyncExit(Lifecycle.FAILED);
      return;
    }
    if (settings.exitWithParent()) {
      ParentWatch.start();
    }
    LOG.log(Level.INFO, "listening: http={0,number,#} grpc={1,number,#}", http, gateway.grpcPort());
  }

  /** The only event that comes while the HTTP server still serves. */
  void drain(@Observes ShutdownDelayInitiatedEvent stopping) {
    LOG.log(Level.INFO, "stopping, draining for at most " + settings.drainTimeout());
    gateway.drain(settings.drainTimeout());
  }

  void stop(@Observes ShutdownEvent stopped) {
    gateway.close();
  }
}
