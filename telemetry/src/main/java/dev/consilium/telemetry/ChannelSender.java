package dev.consilium.telemetry;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.common.export.GrpcResponse;
import io.opentelemetry.sdk.common.export.GrpcSender;
import io.opentelemetry.sdk.common.export.GrpcSenderConfig;
import io.opentelemetry.sdk.common.export.GrpcStatusCode;
import io.opentelemetry.sdk.common.export.MessageWriter;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** Carries exported spans over the gRPC library that the process uses anyway. */
final class ChannelSender implements GrpcSender {

  private static final int MOST_RESPONSE_BYTES = 1 << 20;

  private final ManagedChannel channel;
  private final MethodDescriptor<byte[], byte[]> method;
  private final long timeoutNanos;

  ChannelSender(GrpcSenderConfig config) {
    channel = channel(config.getEndpoint());
    method =
        MethodDescriptor.<byte[], byte[]>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName(config.getFullMethodName())
            .setRequestMarshaller(Bytes.MARSHALLER)
            .setResponseMarshaller(Bytes.MARSHALLER)
            .build();
    timeoutNanos = config.getTimeout().toNanos();
  }

  private static ManagedChannel channel(URI endpoint) {
    boolean tls = "https".equalsIgnoreCase(endpoint.getScheme());
    int port = endpoint.getPort() > 0 ? endpoint.getPort() : 4317;
    return Grpc.newChannelBuilderForAddress(
            endpoint.getHost(),
            port,
            tls ? TlsChannelCredentials.create() : InsecureChannelCredentials.create())
        .maxInboundMessageSize(MOST_RESPONSE_BYTES)
        .build();
  }

  @Override
  public void send(
      MessageWriter message, Consumer<GrpcResponse> onResponse, Consumer<Throwable> onError) {
    ByteArrayOutputStream request = new ByteArrayOutputStream(message.getContentLength());
    try {
      message.writeMessage(request);
    } catch (IOException failed) {
      onError.accept(failed);
      return;
    }
    ClientCall<byte[], byte[]> call =
        channel.newCall(
            method, CallOptions.DEFAULT.withDeadlineAfter(timeoutNanos, TimeUnit.NANOSECONDS));
    ClientCalls.asyncUnaryCall(call, request.toByteArray(), new Answer(onResponse));
  }

  @Override
  public CompletableResultCode shutdown() {
    channel.shutdown();
    return CompletableResultCode.ofSuccess();
  }

  /** Turns the call's end into the exporter's response. */
  private static final class Answer implements StreamObserver<byte[]> {

    private final Consumer<GrpcResponse> onResponse;
    private byte[] message = new byte[0];

    Answer(Consumer<GrpcResponse> onResponse) {
      this.onResponse = onResponse;
    }

    @Override
    public void onNext(byte[] value) {
      message = value;
    }

    @Override
    public void onError(Throwable failed) {
      onResponse.accept(new Response(Status.fromThrowable(failed), message));
    }

    @Override
    public void onCompleted() {
      onResponse.accept(new Response(Status.OK, message));
    }
  }

  /** A final class, because it holds an array. */
  private static final class Response implements GrpcResponse {

    private final Status status;
    private final byte[] message;

    Response(Status status, byte[] message) {
      this.status = status;
      this.message = message;
    }

    @Override
    public GrpcStatusCode getStatusCode() {
      return GrpcStatusCode.fromValue(status.getCode().value());
    }

    @Override
    public String getStatusDescription() {
      return String.valueOf(status.getDescription());
    }

    @Override
    public byte[] getResponseMessage() {
      return message;
    }
  }

  /** The exporter has serialised the message already. */
  private enum Bytes implements MethodDescriptor.Marshaller<byte[]> {
    MARSHALLER;

    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException failed) {
        throw new UncheckedIOException("reading the collector's answer", failed);
      }
    }
  }
}
