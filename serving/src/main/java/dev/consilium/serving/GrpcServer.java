package dev.consilium.serving;

import dev.consilium.telemetry.Telemetry;
import dev.consilium.telemetry.TraceServerInterceptor;
import dev.consilium.telemetry.TraceServerInterceptor.Roots;
import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A gRPC server with limits, health, reflection and tracing. Netty takes epoll where the platform
 * has it and NIO elsewhere.
 *
 * <p>Health: the empty service name stands for the process and is SERVING from the start
 * (liveness); every service of ours is NOT_SERVING until {@link #report} says otherwise
 * (readiness).
 */
public final class GrpcServer implements AutoCloseable {

  private final Server server;
  private final HealthStatusManager health;
  private final InetSocketAddress asked;

  private GrpcServer(Server server, HealthStatusManager health, InetSocketAddress asked) {
    this.server = server;
    this.health = health;
    this.asked = asked;
  }

  /**
   * Begins a server.
   *
   * @param address where to listen; port 0 takes a free one
   */
  public static Builder at(InetSocketAddress address, GrpcLimits limits, Telemetry telemetry) {
    return new Builder(address, limits, telemetry);
  }

  /** Collects what a server offers. Not thread-safe. */
  public static final class Builder {

    private final InetSocketAddress address;
    private final GrpcLimits limits;
    private final Telemetry telemetry;
    private final List<BindableService> services = new ArrayList<>();
    private Callbacks callbacks = Callbacks.ON_VIRTUAL_THREAD;
    private Roots roots = Roots.CONTINUE_ONLY;

    private Builder(InetSocketAddress address, GrpcLimits limits, Telemetry telemetry) {
      this.address = address;
      this.limits = limits;
      this.telemetry = telemetry;
    }

    public Builder service(BindableService service) {
      services.add(service);
      return this;
    }

    public Builder callbacks(Callbacks where) {
      callbacks = where;
      return this;
    }

    public Builder roots(Roots which) {
      roots = which;
      return this;
    }

    /**
     * Binds the port and serves.
     *
     * @throws IOException naming the address, if it cannot be bound
     */
    public GrpcServer start() throws IOException {
      HealthStatusManager health = new HealthStatusManager();
      NettyServerBuilder builder = limited(NettyServerBuilder.forAddress(address));
      for (BindableService service : services) {
        builder.addService(service);
        health.setStatus(
            service.bindService().getServiceDescriptor().getName(), ServingStatus.NOT_SERVING);
      }
      Server server =
          builder
              .addService(health.getHealthService())
              .addService(ProtoReflectionServiceV1.newInstance())
              .executor(callbacks.executor())
              // The last one is the outermost: a span must see the status that a fault was turned
              // into.
              .intercept(new FaultInterceptor())
              .intercept(new TraceServerInterceptor(telemetry, roots))
              .build();
      try {
        return new GrpcServer(server.start(), health, address);
      } catch (IOException failed) {
        throw new IOException(
            "cannot listen on %s: %s; choose another host or port, or stop what listens there"
                .formatted(address, rootMessage(failed)),
            failed);
      }
    }

    private NettyServerBuilder limited(NettyServerBuilder builder) {
      return builder
          .maxInboundMessageSize(limits.maxMessageBytes())
          .maxInboundMetadataSize(limits.maxMetadataBytes())
          .flowControlWindow(limits.flowControlWindowBytes())
          .keepAliveTime(limits.keepAlive().toMillis(), TimeUnit.MILLISECONDS)
          .keepAliveTimeout(limits.keepAliveTimeout().toMillis(), TimeUnit.MILLISECONDS)
          .permitKeepAliveTime(GrpcLimits.LEAST_KEEP_ALIVE.toMillis(), TimeUnit.MILLISECONDS)
          .permitKeepAliveWithoutCalls(true)
          .maxConcurrentCallsPerConnection(limits.maxCallsPerConnection());
    }

    private static String rootMessage(Throwable failed) {
      Throwable at = failed;
      while (at.getCause() != null) {
        at = at.getCause();
      }
      return String.valueOf(at.getMessage());
    }
  }

  /** The port that is bound. */
  public int port() {
    return server.getPort();
  }

  /** The host asked for and the port that is bound: {@code "0.0.0.0:9200"}. */
  public String address() {
    return asked.getHostString() + ":" + port();
  }

  /** Says whether a service (by its full name) would serve a request now. */
  public void report(String service, boolean serving) {
    health.setStatus(service, serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
  }

  /**
   * Takes no more calls and waits for the open ones; what is still open after {@code limit} is
   * cancelled.
   */
  public void stop(Duration limit) {
    health.enterTerminalState();
    server.shutdown();
    try {
      if (!server.awaitTermination(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        server.shutdownNow();
        server.awaitTermination(1, TimeUnit.SECONDS);
      }
    } catch (InterruptedException interrupted) {
      server.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }

  /** Stops at once. */
  @Override
  public void close() {
    stop(Duration.ZERO);
  }
}
