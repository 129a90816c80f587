package dev.consilium.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.consilium.gateway.http.Routes;
import dev.consilium.gateway.routing.RouterPool;
import dev.consilium.model.tokenizer.Tokenizer;
import dev.consilium.model.tokenizer.TokenizerException;
import dev.consilium.serving.GrpcLimits;
import dev.consilium.serving.Target;
import dev.consilium.telemetry.Telemetry;
import dev.consilium.telemetry.TelemetryConfig;
import dev.consilium.testkit.Fixtures;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/** A gateway with the demo model's text side on free loopback ports, without Quarkus around it. */
final class TestGateway implements AutoCloseable {
  static final ObjectMapper JSON = new ObjectMapper();
  private static final Tokenizer TOKENIZER = tokenizer();

  private final Vertx vertx = Vertx.vertx();
  private final InMemorySpanExporter spans = InMemorySpanExporter.create();
  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final Gateway gateway;
  private final HttpServer server;

  /** What tests vary. */
  record Limits(int maxInFlight, Routes.Limits http, Duration requestTimeout, Path model) {
    static final Limits USUAL =
        new Limits(
            64,
            new Routes.Limits(1 << 20, Duration.ofSeconds(30), Duration.ofSeconds(30), 16 << 10),
            Duration.ofSeconds(60),
            Fixtures.demoModel());

    Limits withMaxInFlight(int limit) {
      return new Limits(limit, http, requestTimeout, model);
    }

    Limits withHttp(Routes.Limits limits) {
      return new Limits(maxInFlight, limits, requestTimeout, model);
    }

    Limits withRequestTimeout(Duration timeout) {
      return new Limits(maxInFlight, http, timeout, model);
    }

    Limits withModel(Path directory) {
      return new Limits(maxInFlight, http, requestTimeout, directory);
    }
  }

  private TestGateway(Limits limits, List<Integer> routerPorts)
      throws IOException, InterruptedException {
    GrpcLimits grpc = smallWindows();
    GatewayOptions options =
        new GatewayOptions(
            new GatewayOptions.Model(limits.model(), "demo"),
            routerPorts.stream().map(port -> new Target("127.0.0.1", port, false)).toList(),
            new RouterPool.Timing(
                Duration.ofMillis(20), Duration.ofMillis(20), Duration.ofMillis(200)),
            limits.requestTimeout(),
            limits.maxInFlight(),
            limits.http(),
            new GatewayOptions.Grpc(
                new InetSocketAddress(java.net.InetAddress.getLoopbackAddress(), 0), grpc));
    Telemetry telemetry =
        Telemetry.start(
            TelemetryConfig.withoutExport("consilium-gateway", "test"),
            SimpleSpanProcessor.create(spans));
    gateway = Gateway.start(vertx, options, telemetry);
    server =
        await(
            vertx
                .createHttpServer(new HttpServerOptions().setHost("127.0.0.1").setPort(0))
                .requestHandler(gateway::handle)
                .listen()
                .toCompletionStage()
                .toCompletableFuture());
  }

  /** So that little rests on the way, and what holds the router back is seen soon. */
  private static GrpcLimits smallWindows() {
    return new GrpcLimits(
        4 << 20,
        16 << 10,
        64 << 10,
        Duration.ofSeconds(30),
        Duration.ofSeconds(10),
        1024,
        Duration.ofSeconds(30));
  }

  private static <T> T await(java.util.concurrent.CompletableFuture<T> future)
      throws IOException, InterruptedException {
    try {
      return future.get(20, TimeUnit.SECONDS);
    } catch (java.util.concurrent.ExecutionException | java.util.concurrent.TimeoutException e) {
      throw new IOException("the test's server did not start", e);
    }
  }

  private static Tokenizer tokenizer() {
    try {
      return Tokenizer.load(Fixtures.demoModel());
    } catch (TokenizerException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Starts with these routers, and waits until all of them can serve. */
  static TestGateway start(Limits limits, FakeRouter... routers)
      throws IOException, InterruptedException {
    TestGateway gateway =
        startUnready(limits, List.of(routers).stream().map(FakeRouter::port).toList());
    gateway.awaitReady(routers.length);
    return gateway;
  }

  /** Waits until that many routers can serve. */
  void awaitReady(int routers) throws InterruptedException {
    Await.until(
        "all routers ready",
        () ->
            gateway.readiness().obstacles().values().stream()
                    .filter(java.util.Optional::isEmpty)
                    .count()
                == routers);
  }

  static TestGateway startUnready(Limits limits, List<Integer> routerPorts)
      throws IOException, InterruptedException {
    return new TestGateway(limits, routerPorts);
  }

  Gateway gateway() {
    return gateway;
  }

  InMemorySpanExporter spans() {
    return spans;
  }

  int port() {
    return server.actualPort();
  }

  URI uri(String path) {
    return URI.create("http://127.0.0.1:" + port() + path);
  }

  /** The tokens of a text of the demo model. */
  static int[] tokens(String text) {
    return TOKENIZER.encode(text, false);
  }

  /** One token for each byte, so that characters and stop texts are split. */
  static int[] byteTokens(String text) {
    List<Integer> ids = new ArrayList<>();
    for (byte each : text.getBytes(java.nio.charset.StandardCharsets.UTF_8)) {
      ids.add(byteToken(Byte.toUnsignedInt(each)));
    }
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }

  /** By the alphabet of byte-level BPE: printable bytes stand for themselves. */
  private static int byteToken(int value) {
    boolean itself =
        (value >= '!' && value <= '~') || (value >= 0xA1 && value <= 0xAC) || value >= 0xAE;
    int below =
        (int)
            IntStream.range(0, value)
                .filter(other ->
                    !((other >= '!' && other <= '~')
                        || (other >= 0xA1 && other <= 0xAC)
                        || other >= 0xAE))
                .count();
    String letter = Character.toString(itself ? value : 256 + below);
    return TOKENIZER.tokenId(letter).orElseThrow();
  }

  HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return client.send(
        HttpRequest.newBuilder(uri(path)).build(), HttpResponse.BodyHandlers.ofString());
  }

  HttpResponse<String> post(String path, String body) throws IOException, InterruptedException {
    return send(
        HttpRequest.newBuilder(uri(path))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build());
  }

  HttpResponse<String> send(HttpRequest request) throws IOException, InterruptedException {
    return client.send(request, HttpResponse.BodyHandlers.ofString());
  }

  JsonNode ok(String path, String body) throws IOException, InterruptedException {
    HttpResponse<String> response = post(path, body);
    if (response.statusCode() != 200) {
      throw new AssertionError(response.statusCode() + " " + response.body());
    }
    return JSON.readTree(response.body());
  }

  /** The data of all events of a stream. */
  List<String> events(String path, String body) throws IOException, InterruptedException {
    HttpResponse<String> response = post(path, body);
    if (response.statusCode() != 200) {
      throw new AssertionError(response.statusCode() + " " + response.body());
    }
    List<String> events = new ArrayList<>();
    for (String event : response.body().split("\n\n", -1)) {
      if (!event.isEmpty()) {
        if (!event.startsWith("data: ")) {
          throw new AssertionError("no event: " + event);
        }
        events.add(event.substring("data: ".length()));
      }
    }
    return events;
  }

  @Override
  public void close() {
    server.close();
    gateway.close();
    vertx.close().toCompletionStage().toCompletableFuture().join();
  }
}
