package dev.consilium.telemetry;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.metrics.MeterProvider;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.TracerProvider;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.exporter.prometheus.PrometheusMetricReader;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.SpanProcessor;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Traces and metrics of one process.
 *
 * <p>Spans are made only where somebody receives them. Without an OTLP endpoint the tracer is the
 * one of the API that does nothing but hand on the caller's context. Metrics are always counted;
 * sampling never touches them.
 */
public final class Telemetry implements AutoCloseable {

  /** The content type of {@link #prometheusText()}. */
  public static final String PROMETHEUS_CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

  private static final String SCOPE = "dev.consilium";

  // The SDK folds attribute sets beyond 2000 per instrument into one "overflow" set. A model with
  // 96 layers of 512
  // experts has 49152 of them, and our counters are promised to be exact.
  private static final int MOST_ATTRIBUTE_SETS = 1 << 18;

  private static final int MOST_SPANS_WAITING = 8192;
  private static final long CLOSE_SECONDS = 5;

  private final Providers providers;
  private final PrometheusMetricReader reader;
  private final Optional<SdkTracerProvider> spans;
  private final SdkMeterProvider metrics;

  private Telemetry(TelemetryConfig config, Optional<SpanProcessor> processor) {
    Resource resource =
        Resource.getDefault()
            .merge(
                Resource.create(
                    Attributes.of(
                        AttributeKey.stringKey("service.name"), config.serviceName(),
                        AttributeKey.stringKey("service.instance.id"), config.instance())));
    reader = PrometheusMetricReader.create();
    metrics =
        SdkMeterProvider.builder()
            .setResource(resource)
            .registerMetricReader(reader, instrument -> MOST_ATTRIBUTE_SETS)
            .build();
    spans = processor.map(to -> tracerProvider(resource, config.sampleRatio(), to));
    TracerProvider tracers =
        spans.<TracerProvider>map(provider -> provider).orElse(TracerProvider.noop());
    providers =
        new Providers(
            tracers, metrics, ContextPropagators.create(W3CTraceContextPropagator.getInstance()));
  }

  /** Starts reporting; exports spans if the configuration names an endpoint. */
  public static Telemetry start(TelemetryConfig config) {
    return new Telemetry(config, config.otlpEndpoint().map(Telemetry::otlp));
  }

  /** Starts reporting with spans handed to {@code processor} instead of an OTLP endpoint. */
  public static Telemetry start(TelemetryConfig config, SpanProcessor processor) {
    return new Telemetry(config, Optional.of(processor));
  }

  private static SpanProcessor otlp(URI endpoint) {
    OtlpGrpcSpanExporter exporter =
        OtlpGrpcSpanExporter.builder()
            .setEndpoint(endpoint.toString())
            .setTimeout(10, TimeUnit.SECONDS)
            .build();
    return BatchSpanProcessor.builder(exporter).setMaxQueueSize(MOST_SPANS_WAITING).build();
  }

  private static SdkTracerProvider tracerProvider(
      Resource resource, double sampleRatio, SpanProcessor processor) {
    return SdkTracerProvider.builder()
        .setResource(resource)
        .setSampler(Sampler.parentBased(Sampler.traceIdRatioBased(sampleRatio)))
        .addSpanProcessor(processor)
        .build();
  }

  /** For libraries that take the whole API. */
  public OpenTelemetry openTelemetry() {
    return providers;
  }

  public Tracer tracer() {
    return providers.tracers.get(SCOPE);
  }

  public Meter meter() {
    return providers.metrics.get(SCOPE);
  }

  /** Whether spans go anywhere. */
  public boolean tracing() {
    return spans.isPresent();
  }

  /** All metrics now, in the Prometheus text format 0.0.4 ({@link #PROMETHEUS_CONTENT_TYPE}). */
  public String prometheusText() {
    ByteArrayOutputStream text = new ByteArrayOutputStream(1 << 16);
    try {
      PrometheusTextFormatWriter.create().write(text, reader.collect());
    } catch (IOException impossible) {
      throw new UncheckedIOException("writing metrics to memory", impossible);
    }
    return text.toString(StandardCharsets.UTF_8);
  }

  /** Exports what is waiting, for at most five seconds, and stops. */
  @Override
  public void close() {
    spans.ifPresent(provider -> provider.shutdown().join(CLOSE_SECONDS, TimeUnit.SECONDS));
    metrics.shutdown().join(CLOSE_SECONDS, TimeUnit.SECONDS);
  }

  /** What the API asks for; unlike the SDK's own holder it can hold a tracer that does nothing. */
  private record Providers(
      TracerProvider tracers, MeterProvider metrics, ContextPropagators propagators)
      implements OpenTelemetry {

    @Override
    public TracerProvider getTracerProvider() {
      return tracers;
    }

    @Override
    public MeterProvider getMeterProvider() {
      return metrics;
    }

    @Override
    public ContextPropagators getPropagators() {
      return propagators;
    }
  }
}
