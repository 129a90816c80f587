package dev.consilium.router;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.proto.router.v1.RouterServiceGrpc;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.scheduling.EngineLimits.StepLimits;
import dev.consilium.router.telemetry.RouterMetrics;
import dev.consilium.router.telemetry.SpanTracer;
import dev.consilium.router.wire.RouterGrpcService;
import dev.consilium.serving.Callbacks;
import dev.consilium.serving.Channels;
import dev.consilium.serving.ConfigException;
import dev.consilium.serving.GrpcLimits;
import dev.consilium.serving.GrpcServer;
import dev.consilium.serving.MetricsEndpoint;
import dev.consilium.serving.ProcessConfig;
import dev.consilium.serving.ProcessSettings;
import dev.consilium.serving.RunningProcess;
import dev.consilium.serving.Target;
import dev.consilium.telemetry.Telemetry;
import dev.consilium.telemetry.TelemetryConfig;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.Processors;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A router as a process: binds its port, then loads, then reports ready as long as every expert can
 * be reached.
 *
 * <p>Threading: started and stopped by {@link dev.consilium.serving.Lifecycle}; loads on a thread
 * of its own.
 */
final class RouterProcess implements RunningProcess {
  private static final Duration HEALTH_INTERVAL = Duration.ofMillis(50);

  private final ProcessSettings process;
  private final RouterSettings settings;
  private final Telemetry telemetry;
  private final RouterState state;
  private final RouterMetrics metrics;
  private final RouterGrpcService service;
  private final GrpcServer server;
  private final @Nullable MetricsEndpoint metricsEndpoint;
  private final CompletableFuture<Void> ready = new CompletableFuture<>();
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("router-health").daemon().factory());
  private boolean stopped; // guarded by this

  private RouterProcess(ProcessSettings process, RouterSettings settings) throws IOException {
    this.process = process;
    this.settings = settings;
    String name = settings.name().orElseGet(() -> hostName() + ":" + settings.port());
    this.telemetry =
        Telemetry.start(
            new TelemetryConfig(
                "consilium-router",
                name,
                process.telemetry().otlpEndpoint(),
                process.telemetry().sampleRatio()));
    Utilisation utilisation = new Utilisation();
    this.state = new RouterState(name, utilisation);
    this.metrics =
        new RouterMetrics(telemetry, utilisation, () -> state.loaded().map(Router::engine));
    this.service = new RouterGrpcService(state);
    this.server =
        GrpcServer.at(
                new InetSocketAddress(settings.host(), settings.port()),
                GrpcLimits.of(process.grpc()),
                telemetry)
            .service(service)
            .callbacks(Callbacks.ON_VIRTUAL_THREAD)
            .start();
    this.metricsEndpoint = startMetrics();
  }

  private @Nullable MetricsEndpoint startMetrics() throws IOException {
    if (process.metrics().port() == 0) {
      return null;
    }
    try {
      return MetricsEndpoint.start(
          new InetSocketAddress(process.metrics().host(), process.metrics().port()), telemetry);
    } catch (IOException e) {
      server.close(); // it has its port already, and nobody will know it
      throw e;
    }
  }

  /**
   * Binds the ports and begins to load.
   *
   * @throws ConfigException if settings contradict each other
   */
  static RouterProcess start(ProcessConfig config) throws IOException {
    ProcessSettings process = config.get(ProcessSettings.class);
    RouterSettings settings = config.get(RouterSettings.class);
    RouterProcess router = new RouterProcess(process, settings);
    try {
      RouterOptions options = router.options();
      Thread.ofPlatform().name("router-load").daemon().start(() -> router.load(options));
      return router;
    } catch (RuntimeException e) {
      router.stop();
      throw e;
    }
  }

  private RouterOptions options() {
    try {
      return new RouterOptions(
          experts(),
          settings.threads() == 0 ? Processors.cores() : settings.threads(),
          settings.wireDtype(),
          KvCacheDType.of(settings.kvDtype()),
          settings.kvCacheTokens(),
          settings.waitingLimit(),
          new StepLimits(
              settings.maxBatchTokens(), settings.prefillChunk(), settings.maxRunning()));
    } catch (IllegalArgumentException e) {
      throw new ConfigException("consilium.router: " + e.getMessage());
    }
  }

  private RouterOptions.Experts experts() {
    return switch (settings.localExperts()) {
      case ALL -> new RouterOptions.LocalExpertsOnly(state.name());
      case NONE -> {
        List<Target> targets = Target.parseList(settings.nodes().orElse(""));
        if (targets.isEmpty()) {
          throw new ConfigException(
              "consilium.router.nodes is empty: list the expert nodes (host:port,host:port or dns:///name:port), or set consilium.router.local-experts=ALL");
        }
        yield new RouterOptions.ExpertNodes(
            targets,
            new Channels(GrpcLimits.of(process.grpc()), telemetry),
            new SpanTracer(telemetry),
            settings.dispatchTimeout(),
            settings.nodeRefresh(),
            settings.wireDtype());
      }
    };
  }

  private void load(RouterOptions options) {
    Kernels.chooseAhead();
    try (Checkpoint checkpoint = Checkpoint.open(process.model())) {
      String fingerprint = checkpoint.fingerprint();
      serve(Router.open(checkpoint, options, state.utilisation(), metrics), fingerprint);
    } catch (RuntimeException | Error e) {
      ready.completeExceptionally(e);
    }
  }

  @SuppressWarnings("FutureReturnValueIgnored") // the task throws nothing, and ends with the timer
  private synchronized void serve(Router router, String fingerprint) {
    if (stopped) {
      router.close(); // stopped while it was loading: nobody else knows of it
      return;
    }
    state.loaded(router, fingerprint);
    timer.scheduleWithFixedDelay(
        this::reportHealth, 0, HEALTH_INTERVAL.toMillis(), TimeUnit.MILLISECONDS);
  }

  private void reportHealth() {
    boolean serving = state.notReadyReason().isEmpty();
    server.report(RouterServiceGrpc.SERVICE_NAME, serving);
    if (serving) {
      ready.complete(null);
    }
  }

  @Override
  public SortedMap<String, Integer> ports() {
    SortedMap<String, Integer> ports = new TreeMap<>();
    ports.put("grpc", server.port());
    if (metricsEndpoint != null) {
      ports.put("metrics", metricsEndpoint.port());
    }
    return ports;
  }

  @Override
  public CompletionStage<Void> ready() {
    return ready;
  }

  @Override
  public void drain(Duration limit) {
    state.drain();
    reportHealth();
    state.loaded().ifPresent(router -> drain(router, limit));
  }

  private static void drain(Router router, Duration limit) {
    try {
      router.engine().drain(limit);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void stop() {
    synchronized (this) {
      stopped = true;
    }
    timer.shutdownNow();
    Optional<Router> router = state.loaded();
    router.map(Router::engine).ifPresent(engine -> engine.close());
    server.stop(Duration.ofSeconds(1));
    service.close();
    if (metricsEndpoint != null) {
      metricsEndpoint.close();
    }
    router.ifPresent(Router::close);
    telemetry.close();
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "router"; // a host that does not know its own name
    }
  }
}
