package dev.consilium.serving;

import dev.consilium.telemetry.Telemetry;
import dev.consilium.telemetry.TraceClientInterceptor;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.netty.NettyChannelBuilder;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * Opens channels to our servers with the same limits on both sides.
 *
 * <p>A channel connects when it is first used and again after every loss. A call on a channel that
 * cannot connect fails at once with UNAVAILABLE; a caller that would rather wait says so with
 * {@code withWaitForReady()} and a deadline. Unary calls without a deadline get the one of the
 * limits.
 */
public final class Channels {

  private final GrpcLimits limits;
  private final Telemetry telemetry;

  public Channels(GrpcLimits limits, Telemetry telemetry) {
    this.limits = limits;
    this.telemetry = telemetry;
  }

  /** A channel to one server; a name with several addresses uses the first that answers. */
  public ManagedChannel open(Target target, Callbacks callbacks) {
    return NettyChannelBuilder.forTarget(target.uri())
        .usePlaintext()
        .executor(callbacks.executor())
        .maxInboundMessageSize(limits.maxMessageBytes())
        .maxInboundMetadataSize(limits.maxMetadataBytes())
        .flowControlWindow(limits.flowControlWindowBytes())
        .keepAliveTime(limits.keepAlive().toMillis(), TimeUnit.MILLISECONDS)
        .keepAliveTimeout(limits.keepAliveTimeout().toMillis(), TimeUnit.MILLISECONDS)
        .keepAliveWithoutCalls(true)
        // A service config from DNS TXT records would be configuration from outside.
        .disableServiceConfigLookUp()
        .intercept(new TraceClientInterceptor(telemetry), new DefaultDeadline(limits.callTimeout()))
        .build();
  }

  private record DefaultDeadline(Duration timeout) implements ClientInterceptor {
    @Override
    public <Q, R> ClientCall<Q, R> interceptCall(
        MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
      boolean unbounded =
          options.getDeadline() == null && method.getType() == MethodDescriptor.MethodType.UNARY;
      return next.newCall(
          method,
          unbounded
              ? options.withDeadlineAfter(timeout.toMillis(), TimeUnit.MILLISECONDS)
              : options);
    }
  }
}
