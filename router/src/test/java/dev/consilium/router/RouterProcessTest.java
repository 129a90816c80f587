package dev.consilium.router;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.model.checkpoint.CheckpointException;
import dev.consilium.proto.router.v1.GenerateRequest;
import dev.consilium.proto.router.v1.RouterServiceGrpc;
import dev.consilium.proto.router.v1.StatusRequest;
import dev.consilium.serving.ConfigException;
import dev.consilium.serving.ProcessConfig;
import dev.consilium.serving.ProcessSettings;
import dev.consilium.testkit.Fixtures;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(120)
class RouterProcessTest {
  private static final List<String> LOCAL =
      List.of("--router.local-experts=ALL", "--router.threads=1", "--router.kv-cache-tokens=256");

  @Test
  void start_wholeModelHere_becomesReadyServesDrainsStops() throws Exception {
    RouterProcess process = start(LOCAL, "--metrics.port=0", "--router.name=router-7");
    assertThat(process.ports()).containsOnlyKeys("grpc");
    process.ready().toCompletableFuture().get(60, TimeUnit.SECONDS);
    ManagedChannel channel = channel(process);
    try {
      HealthGrpc.HealthBlockingStub health = HealthGrpc.newBlockingStub(channel);
      HealthCheckRequest ofRouter =
          HealthCheckRequest.newBuilder().setService(RouterServiceGrpc.SERVICE_NAME).build();
      RouterServiceGrpc.RouterServiceBlockingStub router =
          RouterServiceGrpc.newBlockingStub(channel);
      assertThat(health.check(ofRouter).getStatus()).isEqualTo(ServingStatus.SERVING);
      assertThat(router.status(StatusRequest.getDefaultInstance()).getRouter())
          .isEqualTo("router-7");
      GenerateRequest request =
          GenerateRequest.newBuilder().addPromptTokens(1).setMaxTokens(2).build();
      assertThat(router.generate(request)).toIterable().hasSize(3);
      process.drain(Duration.ofSeconds(30));
      assertThat(health.check(ofRouter).getStatus()).isEqualTo(ServingStatus.NOT_SERVING);
      assertThat(health.check(HealthCheckRequest.getDefaultInstance()).getStatus())
          .as("alive all the same")
          .isEqualTo(ServingStatus.SERVING);
    } finally {
      channel.shutdownNow();
      process.stop();
    }
    assertThat(engines()).isEmpty();
  }

  @Test
  void start_metrics_areServed() throws Exception {
    RouterProcess process = start(LOCAL, "--metrics.port=" + freePort());
    try (HttpClient client = HttpClient.newHttpClient()) {
      process.ready().toCompletableFuture().get(60, TimeUnit.SECONDS);
      URI metrics = URI.create("http://127.0.0.1:" + process.ports().get("metrics") + "/metrics");
      String text =
          client
              .send(HttpRequest.newBuilder(metrics).build(), HttpResponse.BodyHandlers.ofString())
              .body();
      assertThat(text).contains("consilium_router_kv_blocks_free");
    } finally {
      process.stop();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "--router.local-experts=NONE, consilium.router.nodes",
    "--router.max-batch-tokens=4, max-batch-tokens 4",
    "--router.prefill-chunk=0, prefill-chunk 0",
    "--router.max-running=0, max-running is 0",
    "--router.waiting-limit=0, waiting-limit 0",
    "--router.kv-cache-tokens=0, kv-cache-tokens 0",
    "--router.kv-dtype=f8, kv-dtype is f8",
    "--router.threads=-1, threads is -1",
    "--router.dispatch-timeout=0s, dispatch-timeout is PT0S",
    "--router.dispatch-timeout=2h, dispatch-timeout is PT2H",
    "--router.node-refresh=0s, node-refresh is PT0S",
    "--router.nodes=nowhere, nowhere"
  })
  void start_badSetting_namesItAndLeavesThePortFree(String setting, String words) throws Exception {
    int port = freePort();
    boolean ofNodes = setting.contains("dispatch") || setting.contains("node");
    List<String> experts = ofNodes ? List.of("--router.local-experts=NONE") : LOCAL;
    List<String> all = new ArrayList<>(experts);
    if (ofNodes && !setting.contains("nodes=")) {
      all.add("--router.nodes=127.0.0.1:9");
    }
    all.removeIf(each -> each.split("=", 2)[0].equals(setting.split("=", 2)[0]));
    all.add(setting);
    all.add("--router.port=" + port);
    assertThatThrownBy(() -> start(all, "--metrics.port=0"))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(words)
        .hasMessageContaining("consilium.router");
    new ServerSocket(port, 1, InetAddress.getLoopbackAddress()).close();
  }

  @Test
  void start_portTaken_saysWhich() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String port = "--router.port=" + taken.getLocalPort();
      assertThatThrownBy(() -> start(LOCAL, port, "--metrics.port=0"))
          .isInstanceOf(IOException.class)
          .hasMessageContaining(Integer.toString(taken.getLocalPort()));
    }
  }

  @Test
  void start_metricsPortTaken_leavesTheOtherPortFree() throws Exception {
    int port = freePort();
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String metrics = "--metrics.port=" + taken.getLocalPort();
      assertThatThrownBy(() -> start(LOCAL, "--router.port=" + port, metrics))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("metrics");
    }
    new ServerSocket(port, 1, InetAddress.getLoopbackAddress()).close();
  }

  @Test
  void start_noModelThere_neverBecomesReady(@TempDir Path empty) throws Exception {
    RouterProcess process = start(LOCAL, "--metrics.port=0", "--model=" + empty);
    try {
      assertThatThrownBy(() -> process.ready().toCompletableFuture().get(60, TimeUnit.SECONDS))
          .isInstanceOf(ExecutionException.class)
          .hasCauseInstanceOf(CheckpointException.class)
          .hasMessageContaining(empty.toString());
    } finally {
      process.stop();
    }
  }

  @Test
  void start_nodesOutOfReach_isAliveButNotReady() throws Exception {
    RouterProcess process =
        start(List.of("--router.nodes=127.0.0.1:" + freePort()), "--metrics.port=0");
    ManagedChannel channel = channel(process);
    try {
      RouterServiceGrpc.RouterServiceBlockingStub router =
          RouterServiceGrpc.newBlockingStub(channel);
      String reason = "";
      while (!reason.contains("cannot be reached")) {
        reason = router.status(StatusRequest.getDefaultInstance()).getNotReadyReason();
      }
      assertThat(reason).contains("experts are on no node in use", "layer 0", "127.0.0.1:");
      assertThat(process.ready().toCompletableFuture()).isNotDone();
      GenerateRequest request = GenerateRequest.newBuilder().addPromptTokens(1).build();
      assertThatThrownBy(() -> router.generate(request).next()).hasMessageContaining("not ready");
    } finally {
      channel.shutdownNow();
      process.stop();
    }
  }

  @Test
  void stop_whileLoading_leavesNothingBehind() throws Exception {
    RouterProcess process = start(LOCAL, "--metrics.port=0");
    process.stop();
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      if (thread.getName().equals("router-load")) {
        thread.join();
      }
    }
    assertThat(engines()).isEmpty();
    assertThat(process.ready().toCompletableFuture().isCompletedExceptionally()).isFalse();
  }

  private static List<Thread> engines() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("router-engine"))
        .toList();
  }

  private static RouterProcess start(List<String> settings, String... more) throws IOException {
    List<String> arguments = new ArrayList<>(List.of(more));
    for (String setting : settings) {
      arguments.add(setting);
    }
    addUnlessThere(arguments, "--router.host", "127.0.0.1");
    addUnlessThere(arguments, "--router.port", "0");
    addUnlessThere(arguments, "--metrics.host", "127.0.0.1");
    addUnlessThere(arguments, "--model", Fixtures.model("mixtral").toString());
    return RouterProcess.start(
        ProcessConfig.load(arguments, List.of(RouterSettings.class, ProcessSettings.class)));
  }

  private static void addUnlessThere(List<String> arguments, String key, String value) {
    if (arguments.stream().noneMatch(argument -> argument.startsWith(key + "="))) {
      arguments.add(key + "=" + value);
    }
  }

  private static ManagedChannel channel(RouterProcess process) {
    return ManagedChannelBuilder.forAddress("127.0.0.1", process.ports().getOrDefault("grpc", 0))
        .usePlaintext()
        .build();
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
