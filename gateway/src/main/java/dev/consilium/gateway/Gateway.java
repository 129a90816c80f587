package dev.consilium.gateway;

import dev.consilium.gateway.generation.Admission;
import dev.consilium.gateway.generation.Engine;
import dev.consilium.gateway.generation.ServedModel;
import dev.consilium.gateway.http.HttpDoor;
import dev.consilium.gateway.http.Readiness;
import dev.consilium.gateway.http.Routes;
import dev.consilium.gateway.observation.RequestObserver;
import dev.consilium.gateway.observation.VllmMetrics;
import dev.consilium.gateway.routing.ListedAddresses;
import dev.consilium.gateway.routing.RouterPool;
import dev.consilium.gateway.wire.InferenceDoor;
import dev.consilium.gateway.wire.RouterLine;
import dev.consilium.gateway.wire.UtilisationFeed;
import dev.consilium.proto.inference.v1.InferenceServiceGrpc;
import dev.consilium.serving.Callbacks;
import dev.consilium.serving.Channels;
import dev.consilium.serving.GrpcLimits;
import dev.consilium.serving.GrpcServer;
import dev.consilium.telemetry.Telemetry;
import dev.consilium.telemetry.TraceServerInterceptor;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerRequest;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A running gateway but for its HTTP server, which belongs to who starts it and hands requests to
 * {@link #handle}. Any thread.
 */
final class Gateway implements AutoCloseable {
  private static final Duration DRAIN_STEP = Duration.ofMillis(20);
  private static final Duration HEALTH_STEP = Duration.ofMillis(200);

  private final Telemetry telemetry;
  private final RouterPool routers;
  private final ModelLoading.Loaded loaded;
  private final Admission admission;
  private final HttpDoor http;
  private final GrpcServer grpc;
  private final ExecutorService threads;
  private final AtomicBoolean stopping = new AtomicBoolean();
  private final Thread health;

  private Gateway(
      Vertx vertx, GatewayOptions options, ModelLoading.Loaded loaded, Telemetry telemetry)
      throws IOException {
    this.telemetry = telemetry;
    this.loaded = loaded;
    threads = Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("request-", 0).factory());
    admission = new Admission(options.maxInFlight());
    routers = routers(options, loaded, telemetry);
    ServedModel model = loaded.model().servedWithin(routers::contextLength);
    Engine engine = new Engine(routers, loaded.model().tokenizer(), threads, System::nanoTime);
    String name = loaded.model().card().id();
    VllmMetrics vllm = new VllmMetrics(name);
    RequestObserver observer = new RequestObserver(telemetry.meter(), vllm, name);
    http =
        Routes.door(
            vertx,
            new Routes.Parts(model, engine, admission, this::readiness),
            new Routes.Observation(telemetry, observer, vllm, Clock.systemUTC()),
            options.http(),
            threads);
    grpc =
        GrpcServer.at(options.grpc().address(), publicLimits(options), telemetry)
            .service(
                new InferenceDoor(
                    new InferenceDoor.Parts(model, engine, admission, observer),
                    new UtilisationFeed(routers::connections),
                    options.http().stall(),
                    threads))
            .callbacks(Callbacks.ON_VIRTUAL_THREAD)
            .roots(TraceServerInterceptor.Roots.START_HERE)
            .start();
    health = Thread.ofVirtual().name("health").unstarted(this::reportHealth);
  }

  /** Loads the model's text side, binds the gRPC port and begins to look for routers. */
  static Gateway start(Vertx vertx, GatewayOptions options, Telemetry telemetry)
      throws IOException {
    ModelLoading.Loaded loaded = ModelLoading.load(options.model(), Clock.systemUTC().instant());
    Gateway gateway = new Gateway(vertx, options, loaded, telemetry);
    gateway.routers.start();
    gateway.health.start();
    return gateway;
  }

  private static RouterPool routers(
      GatewayOptions options, ModelLoading.Loaded loaded, Telemetry telemetry) {
    Channels channels = new Channels(options.grpc().limits(), telemetry);
    RouterLine.Terms terms =
        new RouterLine.Terms(
            options.requestTimeout(), loaded.model().card().vocabularySize(), loaded.endOfText());
    return new RouterPool(
        new ListedAddresses(options.routers()),
        target -> new RouterLine(channels.open(target, Callbacks.ON_NETWORK_THREAD), terms),
        options.watch(),
        loaded.model().card().fingerprint());
  }

  /** Strangers send these: no message larger than a body over HTTP. */
  private static GrpcLimits publicLimits(GatewayOptions options) {
    GrpcLimits limits = options.grpc().limits();
    return new GrpcLimits(
        Math.min(limits.maxMessageBytes(), options.http().body()),
        limits.maxMetadataBytes(),
        limits.flowControlWindowBytes(),
        limits.keepAlive(),
        limits.keepAliveTimeout(),
        limits.maxCallsPerConnection(),
        limits.callTimeout());
  }

  /** Takes one HTTP request, on its event loop. */
  void handle(HttpServerRequest request) {
    http.handle(request);
  }

  int grpcPort() {
    return grpc.port();
  }

  Readiness readiness() {
    return Readiness.of(stopping.get(), routers.obstacles());
  }

  int inFlight() {
    return admission.inFlight();
  }

  /** The gRPC health service says what {@code /health/ready} says. */
  private void reportHealth() {
    try {
      while (true) {
        grpc.report(InferenceServiceGrpc.SERVICE_NAME, readiness().ready());
        Thread.sleep(HEALTH_STEP);
      }
    } catch (InterruptedException closed) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Reports not ready, refuses new requests and waits for the requests in flight, at most this
   * long.
   */
  void drain(Duration limit) {
    admission.drain();
    stopping.set(true);
    long end = System.nanoTime() + limit.toNanos();
    try {
      while (admission.inFlight() > 0 && System.nanoTime() < end) {
        Thread.sleep(DRAIN_STEP);
      }
      // Those left are told so while there still is a server to tell them.
      threads.shutdownNow();
      threads.awaitTermination(1, TimeUnit.SECONDS);
    } catch (InterruptedException hurried) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    stopping.set(true);
    health.interrupt();
    grpc.close();
    threads.shutdownNow();
    routers.close();
    telemetry.close();
    loaded.model().tokenizer().close();
  }
}
