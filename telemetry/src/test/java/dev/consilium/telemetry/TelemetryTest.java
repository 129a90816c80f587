package dev.consilium.telemetry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.ServerCalls;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.LongCounter;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TelemetryTest {

  private static final TelemetryConfig QUIET = TelemetryConfig.withoutExport("router", "r-1");

  @Test
  void prometheusText_manyExperts_countsEachExactly() {
    try (Telemetry telemetry = Telemetry.start(QUIET)) {
      LongCounter counter = telemetry.meter().counterBuilder("consilium.expert.tokens").build();
      AttributeKey<Long> expert = AttributeKey.longKey("expert");
      for (long i = 0; i < 5000; i++) {
        counter.add(i + 1, Attributes.of(expert, i));
      }
      String text = telemetry.prometheusText();
      assertThat(text)
          .containsPattern("consilium_expert_tokens_total\\{expert=\"4999\"[^}]*} 5000.0")
          .contains("service_name=\"router\"")
          .doesNotContain("overflow");
    }
  }

  @Test
  void tracer_noExporter_makesNoSpanButHandsOnTheCallers() {
    try (Telemetry telemetry = Telemetry.start(QUIET)) {
      Context caller =
          Traceparent.decode("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
      Span span = telemetry.tracer().spanBuilder("x").setParent(caller).startSpan();
      assertThat(span.isRecording()).isFalse();
      assertThat(span.getSpanContext().getTraceId()).isEqualTo("0af7651916cd43dd8448eb211c80319c");
      assertThat(telemetry.tracing()).isFalse();
    }
  }

  @Test
  void tracer_ratioZero_keepsTheDecisionOfTheCaller() {
    InMemorySpanExporter spans = InMemorySpanExporter.create();
    TelemetryConfig none = new TelemetryConfig("router", "r-1", Optional.empty(), 0);
    try (Telemetry telemetry = Telemetry.start(none, SimpleSpanProcessor.create(spans))) {
      telemetry.tracer().spanBuilder("own").startSpan().end();
      telemetry
          .tracer()
          .spanBuilder("continued")
          .setParent(Traceparent.decode("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
          .startSpan()
          .end();
      telemetry
          .tracer()
          .spanBuilder("not sampled")
          .setParent(Traceparent.decode(""))
          .startSpan()
          .end();
      assertThat(spans.getFinishedSpanItems())
          .extracting(span -> span.getName())
          .containsExactly("continued");
    }
  }

  @Test
  void start_endpoint_exportsOverGrpc() throws Exception {
    BlockingQueue<byte[]> received = new LinkedBlockingQueue<>();
    Server collector = collector(received);
    URI endpoint = URI.create("http://127.0.0.1:" + collector.getPort());
    TelemetryConfig exporting = new TelemetryConfig("router", "r-1", Optional.of(endpoint), 1.0);
    try (Telemetry telemetry = Telemetry.start(exporting)) {
      telemetry.tracer().spanBuilder("exported span").startSpan().end();
    }
    byte[] message = received.poll(30, TimeUnit.SECONDS);
    assertThat(message).isNotNull();
    assertThat(new String(message, StandardCharsets.ISO_8859_1))
        .contains("exported span", "service.instance.id", "r-1");
    collector.shutdownNow();
  }

  @ParameterizedTest
  @ValueSource(strings = {"collector:4317", "ftp://collector:4317", "http:///x", "relative"})
  void config_badEndpoint_isRefused(String endpoint) {
    assertThatThrownBy(() -> new TelemetryConfig("a", "b", Optional.of(URI.create(endpoint)), 1.0))
        .hasMessageContaining(endpoint);
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.1, 1.1, Double.NaN})
  void config_badRatio_isRefused(double ratio) {
    assertThatThrownBy(() -> new TelemetryConfig("a", "b", Optional.empty(), ratio))
        .hasMessageContaining("expected 0 to 1");
  }

  /** Takes any export and answers with an empty message, which means that all is well. */
  private static Server collector(BlockingQueue<byte[]> received) throws IOException {
    MethodDescriptor<byte[], byte[]> export =
        MethodDescriptor.<byte[], byte[]>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName("opentelemetry.proto.collector.trace.v1.TraceService/Export")
            .setRequestMarshaller(new Raw())
            .setResponseMarshaller(new Raw())
            .build();
    ServerServiceDefinition service =
        ServerServiceDefinition.builder("opentelemetry.proto.collector.trace.v1.TraceService")
            .addMethod(
                export,
                ServerCalls.asyncUnaryCall((request, response) -> {
                  received.add(request);
                  response.onNext(new byte[0]);
                  response.onCompleted();
                }))
            .build();
    return Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
        .addService(service)
        .build()
        .start();
  }

  private static final class Raw implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException failed) {
        throw new UncheckedIOException(failed);
      }
    }
  }
}
