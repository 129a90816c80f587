package dev.consilium.telemetry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.telemetry.TraceServerInterceptor.Roots;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCalls;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TraceInterceptorTest {

  private static final MethodDescriptor<String, String> ECHO =
      MethodDescriptor.<String, String>newBuilder()
          .setType(MethodDescriptor.MethodType.UNARY)
          .setFullMethodName("test.Echo/Say")
          .setRequestMarshaller(new Text())
          .setResponseMarshaller(new Text())
          .build();

  private final InMemorySpanExporter spans = InMemorySpanExporter.create();
  private final Telemetry telemetry =
      Telemetry.start(TelemetryConfig.withoutExport("a", "b"), SimpleSpanProcessor.create(spans));
  private final Telemetry quiet = Telemetry.start(TelemetryConfig.withoutExport("a", "c"));

  @AfterEach
  void close() {
    telemetry.close();
    quiet.close();
  }

  @Test
  void call_inTrace_isOneTraceThroughBothSides() throws Exception {
    Span request = telemetry.tracer().spanBuilder("request").startSpan();
    String inHandler = call(telemetry, telemetry, Roots.CONTINUE_ONLY, request, "hello");
    SpanData client = span(SpanKind.CLIENT);
    SpanData server = span(SpanKind.SERVER);
    assertThat(client.getParentSpanId()).isEqualTo(request.getSpanContext().getSpanId());
    assertThat(server.getParentSpanId()).isEqualTo(client.getSpanId());
    assertThat(server.getTraceId()).isEqualTo(request.getSpanContext().getTraceId());
    assertThat(inHandler).isEqualTo(server.getSpanId());
    assertThat(server.getName()).isEqualTo("test.Echo/Say");
  }

  @Test
  void call_fails_isErrorOnBothSpans() {
    Span request = telemetry.tracer().spanBuilder("request").startSpan();
    assertThatThrownBy(() -> call(telemetry, telemetry, Roots.CONTINUE_ONLY, request, "fail"))
        .hasMessageContaining("RESOURCE_EXHAUSTED");
    assertThat(span(SpanKind.SERVER).getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
    assertThat(span(SpanKind.CLIENT).getStatus().getDescription())
        .contains("RESOURCE_EXHAUSTED: full");
  }

  @Test
  void call_noTrace_hasSpanOnlyWhereTracesStart() throws Exception {
    call(telemetry, telemetry, Roots.CONTINUE_ONLY, Span.getInvalid(), "hello");
    assertThat(spans.getFinishedSpanItems()).isEmpty();
    call(telemetry, telemetry, Roots.START_HERE, Span.getInvalid(), "hello");
    assertThat(spans.getFinishedSpanItems())
        .extracting(SpanData::getKind)
        .containsExactly(SpanKind.SERVER);
  }

  @Test
  void call_throughProcessThatExportsNothing_keepsTheTrace() throws Exception {
    Span request = telemetry.tracer().spanBuilder("request").startSpan();
    String inHandler = call(quiet, quiet, Roots.CONTINUE_ONLY, request, "hello");
    assertThat(inHandler).isEqualTo(request.getSpanContext().getSpanId());
    assertThat(spans.getFinishedSpanItems()).isEmpty();
  }

  /** Returns the id of the span that was current in the handler. */
  private static String call(
      Telemetry client, Telemetry server, Roots roots, Span current, String text) throws Exception {
    String name = InProcessServerBuilder.generateName();
    Server running =
        InProcessServerBuilder.forName(name)
            .addService(echo())
            .intercept(new TraceServerInterceptor(server, roots))
            .build()
            .start();
    ManagedChannel channel =
        InProcessChannelBuilder.forName(name).intercept(new TraceClientInterceptor(client)).build();
    try (Scope _ = Context.root().with(current).makeCurrent()) {
      return ClientCalls.blockingUnaryCall(channel, ECHO, CallOptions.DEFAULT, text);
    } finally {
      channel.shutdownNow().awaitTermination(30, TimeUnit.SECONDS);
      running.shutdownNow().awaitTermination(30, TimeUnit.SECONDS);
    }
  }

  private static ServerServiceDefinition echo() {
    return ServerServiceDefinition.builder("test.Echo")
        .addMethod(
            ECHO,
            ServerCalls.asyncUnaryCall((request, response) -> {
              if (request.equals("fail")) {
                response.onError(
                    Status.RESOURCE_EXHAUSTED.withDescription("full").asRuntimeException());
                return;
              }
              response.onNext(Span.current().getSpanContext().getSpanId());
              response.onCompleted();
            }))
        .build();
  }

  private SpanData span(SpanKind kind) {
    return spans.getFinishedSpanItems().stream()
        .filter(span -> span.getKind() == kind)
        .findFirst()
        .orElseThrow();
  }

  private static final class Text implements MethodDescriptor.Marshaller<String> {
    @Override
    public InputStream stream(String value) {
      return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public String parse(InputStream stream) {
      try {
        return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
      } catch (IOException failed) {
        throw new UncheckedIOException(failed);
      }
    }
  }
}
