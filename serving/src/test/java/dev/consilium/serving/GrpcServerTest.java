package dev.consilium.serving;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.proto.expert.v1.DescribeRequest;
import dev.consilium.proto.expert.v1.DescribeResponse;
import dev.consilium.proto.expert.v1.DrainRequest;
import dev.consilium.proto.expert.v1.DrainResponse;
import dev.consilium.proto.expert.v1.ExpertServiceGrpc;
import dev.consilium.telemetry.Telemetry;
import dev.consilium.telemetry.TelemetryConfig;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.stub.StreamObserver;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class GrpcServerTest {

  private final Telemetry telemetry =
      Telemetry.start(TelemetryConfig.withoutExport("serving", "test"));
  private GrpcServer server;
  private ManagedChannel channel;

  /** Fails in different ways; tells the deadline that a call came with. */
  private static final class Unreliable extends ExpertServiceGrpc.ExpertServiceImplBase {

    @Override
    public void describe(DescribeRequest request, StreamObserver<DescribeResponse> responses) {
      Deadline deadline = Context.current().getDeadline();
      responses.onNext(
          DescribeResponse.newBuilder().setNode(deadline == null ? "none" : "some").build());
      responses.onCompleted();
    }

    @Override
    public void drain(DrainRequest request, StreamObserver<DrainResponse> responses) {
      switch (request.getTimeoutMillis()) {
        case 1 -> throw new IllegalStateException("thrown on purpose");
        case 2 -> responses.onError(new IllegalStateException("handed over on purpose"));
        case 3 -> throw Status.NOT_FOUND.withDescription("an answer").asRuntimeException();
        default -> throw new AssertionError("asserted on purpose");
      }
    }
  }

  @BeforeEach
  void start() throws Exception {
    server =
        GrpcServer.at(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                GrpcLimits.DEFAULT,
                telemetry)
            .service(new Unreliable())
            .start();
    channel =
        new Channels(GrpcLimits.DEFAULT, telemetry)
            .open(Target.parse("127.0.0.1:" + server.port()), Callbacks.ON_VIRTUAL_THREAD);
  }

  @AfterEach
  void stop() {
    channel.shutdownNow();
    server.close();
    telemetry.close();
  }

  @Test
  void call_handlerThrows_isInternalWithMessage() {
    assertThatThrownBy(() -> drain(1))
        .hasMessageContaining("INTERNAL: defect while serving")
        .hasMessageContaining("thrown on purpose");
    assertThatThrownBy(() -> drain(2))
        .hasMessageContaining("INTERNAL: defect while serving")
        .hasMessageContaining("handed over on purpose");
    assertThatThrownBy(() -> drain(4)).hasMessageContaining("asserted on purpose");
  }

  @Test
  void call_handlerThrowsStatus_isThatStatus() {
    assertThatThrownBy(() -> drain(3))
        .isInstanceOf(StatusRuntimeException.class)
        .hasMessage("NOT_FOUND: an answer");
  }

  @Test
  void call_unaryWithoutDeadline_getsOne() {
    assertThat(
            ExpertServiceGrpc.newBlockingStub(channel)
                .describe(DescribeRequest.getDefaultInstance())
                .getNode())
        .isEqualTo("some");
  }

  @Test
  void health_reported_isPerService() {
    assertThat(health("")).isEqualTo(ServingStatus.SERVING);
    assertThat(health(ExpertServiceGrpc.SERVICE_NAME)).isEqualTo(ServingStatus.NOT_SERVING);
    server.report(ExpertServiceGrpc.SERVICE_NAME, true);
    assertThat(health(ExpertServiceGrpc.SERVICE_NAME)).isEqualTo(ServingStatus.SERVING);
    assertThatThrownBy(() -> health("nobody")).hasMessageContaining("NOT_FOUND");
  }

  @Test
  void reflection_listServices_namesOurs() throws Exception {
    CompletableFuture<ServerReflectionResponse> answer = new CompletableFuture<>();
    StreamObserver<ServerReflectionRequest> requests =
        ServerReflectionGrpc.newStub(channel)
            .serverReflectionInfo(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ServerReflectionResponse response) {
                    answer.complete(response);
                  }

                  @Override
                  public void onError(Throwable failed) {
                    answer.completeExceptionally(failed);
                  }

                  @Override
                  public void onCompleted() {}
                });
    requests.onNext(ServerReflectionRequest.newBuilder().setListServices("").build());
    assertThat(answer.get(30, TimeUnit.SECONDS).getListServicesResponse().getServiceList())
        .extracting(service -> service.getName())
        .contains(ExpertServiceGrpc.SERVICE_NAME, "grpc.health.v1.Health");
    requests.onCompleted();
  }

  @Test
  void start_portTaken_namesAddress() {
    GrpcServer.Builder second =
        GrpcServer.at(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port()),
            GrpcLimits.DEFAULT,
            telemetry);
    assertThatThrownBy(second::start)
        .hasMessageContaining("cannot listen on")
        .hasMessageContaining(String.valueOf(server.port()));
  }

  @Test
  void stop_openCalls_endsWithinLimit() {
    server.stop(Duration.ofMillis(1));
    assertThatThrownBy(() -> health("")).hasMessageContaining("UNAVAILABLE");
  }

  @Test
  void metrics_get_isPrometheusText() throws Exception {
    telemetry.meter().counterBuilder("consilium.test.calls").build().add(3);
    try (MetricsEndpoint endpoint =
            MetricsEndpoint.start(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), telemetry);
        HttpClient client = HttpClient.newHttpClient()) {
      HttpResponse<String> metrics = get(client, endpoint.port(), "/metrics");
      assertThat(metrics.statusCode()).isEqualTo(200);
      assertThat(metrics.body()).contains("consilium_test_calls_total");
      assertThat(get(client, endpoint.port(), "/").statusCode()).isEqualTo(404);
    }
  }

  private static HttpResponse<String> get(HttpClient client, int port, String path)
      throws Exception {
    return client.send(
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private void drain(int how) {
    ExpertServiceGrpc.newBlockingStub(channel)
        .drain(DrainRequest.newBuilder().setTimeoutMillis(how).build());
  }

  private ServingStatus health(String service) {
    return HealthGrpc.newBlockingStub(channel)
        .check(HealthCheckRequest.newBuilder().setService(service).build())
        .getStatus();
  }
}
