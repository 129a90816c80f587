package dev.consilium.expertnode.execution;

import dev.consilium.telemetry.Telemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.DoubleHistogram;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.metrics.ObservableLongMeasurement;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

/**
 * Counts and times what is computed.
 *
 * <p>Tokens per layer and expert are exact and always counted; they are kept in plain arrays and
 * read when somebody scrapes, because the SDK's own counter would cost a map look-up per expert.
 */
public final class ExecutionMeters {

  private static final AttributeKey<Long> LAYER = AttributeKey.longKey("layer");
  private static final AttributeKey<Long> EXPERT = AttributeKey.longKey("expert");
  private static final AttributeKey<List<Long>> EXPERTS = AttributeKey.longArrayKey("experts");
  private static final AttributeKey<Long> TOKENS = AttributeKey.longKey("tokens");
  private static final AttributeKey<Long> BYTES = AttributeKey.longKey("bytes");
  private static final AttributeKey<Long> QUEUE_NANOS = AttributeKey.longKey("queue_nanos");
  private static final AttributeKey<Long> COMPUTE_NANOS = AttributeKey.longKey("compute_nanos");
  private static final List<Double> SECONDS =
      List.of(5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1.0, 5.0);

  private final SortedMap<Integer, AtomicLongArray> tokens = new TreeMap<>();
  private final Tracer tracer;
  private final Meter meter;
  private final DoubleHistogram queueTime;
  private final DoubleHistogram computeTime;

  /**
   * Registers the instruments.
   *
   * @param expertCounts routed experts by layer
   */
  public ExecutionMeters(Telemetry telemetry, SortedMap<Integer, Integer> expertCounts) {
    expertCounts.forEach((layer, count) -> tokens.put(layer, new AtomicLongArray(count)));
    tracer = telemetry.tracer();
    meter = telemetry.meter();
    queueTime =
        histogram("consilium.expert.queue.time", "From receipt of a dispatch to its computation");
    computeTime =
        histogram("consilium.expert.compute.time", "One computation of gathered dispatches");
    meter
        .counterBuilder("consilium.expert.tokens")
        .setUnit("{token}")
        .setDescription("Tokens computed, by layer and routed expert")
        .buildWithCallback(this::observeTokens);
  }

  private DoubleHistogram histogram(String name, String description) {
    return meter
        .histogramBuilder(name)
        .setUnit("s")
        .setDescription(description)
        .setExplicitBucketBoundariesAdvice(SECONDS)
        .build();
  }

  /** Registers a value that is read when somebody scrapes. */
  public void gauge(String name, String unit, String description, LongSupplier value) {
    meter
        .gaugeBuilder(name)
        .ofLongs()
        .setUnit(unit)
        .setDescription(description)
        .buildWithCallback(measurement -> measurement.record(value.getAsLong()));
  }

  private void observeTokens(ObservableLongMeasurement measurement) {
    tokens.forEach((layer, counts) -> {
      for (int expert = 0; expert < counts.length(); expert++) {
        long count = counts.get(expert);
        if (count > 0) {
          measurement.record(count, Attributes.of(LAYER, (long) layer, EXPERT, (long) expert));
        }
      }
    });
  }

  /** Counts one computation. */
  void computed(int layer, List<ExpertRows> work, long nanos) {
    AtomicLongArray counts = tokens.get(layer);
    if (counts != null) {
      work.forEach(rows -> counts.addAndGet(rows.expert(), rows.count()));
    }
    computeTime.record(nanos / 1e9);
  }

  /** Reports one dispatch that has ended: its wait, and its span if the request is sampled. */
  void ended(Dispatch dispatch, Outcome outcome, long nowNanos) {
    if (outcome instanceof Outputs outputs) {
      queueTime.record(outputs.queueNanos() / 1e9);
    }
    Span parent = Span.fromContext(dispatch.envelope().trace());
    if (parent.getSpanContext().isSampled()) {
      span(dispatch, outcome, nowNanos);
    }
  }

  /** Made when it is over, with the times known by then: nothing is current in it meanwhile. */
  private void span(Dispatch dispatch, Outcome outcome, long nowNanos) {
    long endMicros = TimeUnit.MILLISECONDS.toMicros(System.currentTimeMillis());
    long tookMicros = TimeUnit.NANOSECONDS.toMicros(nowNanos - dispatch.envelope().receivedNanos());
    Span span =
        tracer
            .spanBuilder("expert.execute")
            .setSpanKind(SpanKind.SERVER)
            .setParent(dispatch.envelope().trace())
            .setStartTimestamp(endMicros - tookMicros, TimeUnit.MICROSECONDS)
            .startSpan();
    span.setAttribute(LAYER, (long) dispatch.envelope().layer());
    span.setAttribute(
        EXPERTS,
        dispatch.experts().stream().map(rows -> (long) rows.expert()).collect(Collectors.toList()));
    span.setAttribute(TOKENS, (long) dispatch.hidden().tokens());
    span.setAttribute(BYTES, dispatch.bytes());
    switch (outcome) {
      case Outputs outputs -> {
        span.setAttribute(QUEUE_NANOS, outputs.queueNanos());
        span.setAttribute(COMPUTE_NANOS, outputs.computeNanos());
      }
      case Refusal refusal ->
          span.setStatus(StatusCode.ERROR, refusal.code() + ": " + refusal.message());
    }
    span.end(endMicros, TimeUnit.MICROSECONDS);
  }
}
