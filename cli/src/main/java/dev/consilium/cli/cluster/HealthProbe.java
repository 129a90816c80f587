package dev.consilium.cli.cluster;

import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Asks a process whether it would serve a request now. */
interface HealthProbe extends AutoCloseable {

  /** Why it would not; empty if it would. */
  Optional<String> notReady() throws InterruptedException;

  @Override
  void close();

  /** A gateway, by its {@code /health/ready}. */
  static HealthProbe http(URI ready) {
    return new Http(ready);
  }

  /** A gRPC server, by the standard health service. */
  static HealthProbe grpc(String service, int port) {
    return new Grpc(service, port);
  }

  /** Over HTTP. */
  final class Http implements HealthProbe {

    private static final Duration TIMEOUT = Duration.ofSeconds(5);
    private static final int MOST_CHARACTERS = 500;

    private final HttpClient client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(TIMEOUT)
            .build();
    private final HttpRequest request;

    private Http(URI ready) {
      this.request = HttpRequest.newBuilder(ready).timeout(TIMEOUT).build();
    }

    @Override
    public Optional<String> notReady() throws InterruptedException {
      try {
        HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
        return response.statusCode() == 200 ? Optional.empty() : Optional.of(shortened(response));
      } catch (IOException notThereYet) {
        return Optional.of("it does not answer on " + request.uri());
      }
    }

    private static String shortened(HttpResponse<String> response) {
      String body = response.body().strip();
      return body.length() <= MOST_CHARACTERS ? body : body.substring(0, MOST_CHARACTERS) + "...";
    }

    @Override
    public void close() {
      client.close();
    }
  }

  /** Over gRPC. */
  final class Grpc implements HealthProbe {

    private static final long TIMEOUT_SECONDS = 5;

    private final ManagedChannel channel;
    private final HealthCheckRequest request;

    private Grpc(String service, int port) {
      this.channel = NettyChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().build();
      this.request = HealthCheckRequest.newBuilder().setService(service).build();
    }

    @Override
    public Optional<String> notReady() {
      try {
        // Otherwise a first attempt that came too early would be followed by a back-off of a
        // second.
        channel.resetConnectBackoff();
        ServingStatus status =
            HealthGrpc.newBlockingStub(channel)
                .withDeadlineAfter(TIMEOUT_SECONDS, TimeUnit.SECONDS)
                .check(request)
                .getStatus();
        return status == ServingStatus.SERVING
            ? Optional.empty()
            : Optional.of("its health is " + status);
      } catch (StatusRuntimeException notThereYet) {
        return Optional.of("it does not answer: " + notThereYet.getStatus().getDescription());
      }
    }

    @Override
    public void close() {
      channel.shutdownNow();
    }
  }
}
