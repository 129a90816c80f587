package dev.consilium.router.telemetry;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.placement.NodeWork;
import dev.consilium.router.Heard;
import dev.consilium.router.TinyEngine;
import dev.consilium.router.TinyEngine.Setup;
import dev.consilium.router.dispatch.ExpertDispatcher;
import dev.consilium.router.dispatch.ExpertNode;
import dev.consilium.router.dispatch.LayerDispatch;
import dev.consilium.router.dispatch.RemoteExperts.DispatchTracer;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.sampling.SamplingParameters;
import dev.consilium.router.scheduling.GenerationRequest;
import dev.consilium.telemetry.Telemetry;
import dev.consilium.telemetry.TelemetryConfig;
import dev.consilium.tensor.F32Matrix;
import io.grpc.Status;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RouterTelemetryTest {
  private final InMemorySpanExporter exported = InMemorySpanExporter.create();
  private final Telemetry telemetry =
      Telemetry.start(
          TelemetryConfig.withoutExport("test", "test"), SimpleSpanProcessor.create(exported));
  private final Utilisation utilisation = new Utilisation();
  private final RouterMetrics metrics = new RouterMetrics(telemetry, utilisation, Optional::empty);

  @AfterEach
  void close() {
    telemetry.close();
  }

  @Test
  void prometheusText_expertTokens_areExact() {
    utilisation.add(3, 7, "node-a", 5);
    utilisation.add(3, 7, "node-a", 6);
    utilisation.add(3, 7, "node-b", 1);
    String text = telemetry.prometheusText();
    assertThat(expertLine(text, "node-a"))
        .contains("expert=\"7\"", "layer=\"3\"")
        .endsWith(" 11.0");
    assertThat(expertLine(text, "node-b")).endsWith(" 1.0");
  }

  private static String expertLine(String text, String node) {
    return text.lines()
        .filter(line -> line.startsWith("consilium_router_expert_tokens"))
        .filter(line -> line.contains("node=\"" + node + "\""))
        .collect(Collectors.joining("|"));
  }

  @Test
  void prometheusText_steps_countTokens() {
    metrics.stepped(10, 2, 1_000_000);
    metrics.stepped(0, 3, 1_000_000);
    metrics.preempted();
    String text = telemetry.prometheusText();
    assertThat(value(text, "consilium_router_prompt_tokens")).isEqualTo("10.0");
    assertThat(value(text, "consilium_router_generation_tokens")).isEqualTo("5.0");
    assertThat(value(text, "consilium_router_preemptions")).isEqualTo("1.0");
  }

  private static String value(String text, String name) {
    return text.lines()
        .filter(line -> line.startsWith(name))
        .map(line -> line.substring(line.lastIndexOf(' ') + 1))
        .collect(Collectors.joining("|"));
  }

  @Test
  void request_sampled_hasSpansForPrefillDecodeAndTheirExpertCalls() throws Exception {
    Span request = telemetry.tracer().spanBuilder("request").startSpan();
    try (TinyEngine tiny = Setup.PLAIN.observedBy(metrics).behind(this::traced).start()) {
      Heard heard = new Heard();
      tiny.engine()
          .submit(
              new GenerationRequest(
                  new int[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
                  3,
                  Set.of(),
                  SamplingParameters.GREEDY,
                  GenerationRequest.Extras.NONE,
                  Context.root().with(request)),
              heard);
      Heard unsampled = new Heard();
      tiny.engine().submit(GenerationRequest.greedy(new int[] {9}, 3, Set.of()), unsampled);
      heard.awaitFinish();
      unsampled.awaitFinish();
    }
    List<SpanData> prefills = named("router.prefill");
    List<SpanData> decodes = named("router.decode");
    assertThat(prefills).extracting(RouterTelemetryTest::tokens).containsExactly(8L, 4L);
    assertThat(decodes).extracting(RouterTelemetryTest::tokens).containsExactly(1L, 1L);
    assertThat(prefills).allMatch(span -> childOf(span, request));
    assertThat(decodes).allMatch(span -> childOf(span, request));
    List<SpanData> calls = named("expert.call");
    assertThat(calls).hasSize(4 * 2); // steps times layers, one node
    for (SpanData call : calls) {
      SpanData step =
          exported.getFinishedSpanItems().stream()
              .filter(span -> span.getSpanId().equals(call.getParentSpanId()))
              .findFirst()
              .orElseThrow();
      assertThat(step.getName()).startsWith("router.");
      assertThat(tokens(call)).as("the unsampled request's not counted").isEqualTo(tokens(step));
      assertThat(call.getKind()).isEqualTo(SpanKind.CLIENT);
      assertThat(call.getTraceId()).isEqualTo(request.getSpanContext().getTraceId());
    }
    request.end();
  }

  @Test
  void begin_twoTracedRequests_aSpanEachAndOneContinued() {
    Span first = telemetry.tracer().spanBuilder("first").startSpan();
    Span second = telemetry.tracer().spanBuilder("second").startSpan();
    LayerDispatch dispatch =
        new LayerDispatch(
            5,
            F32Matrix.allocate(4, 1),
            List.of(new ExpertTokens(2, new int[] {1, 3}, new float[2])),
            List.of(
                new LayerDispatch.TracedRows(Context.root().with(first), 0, 2),
                new LayerDispatch.TracedRows(Context.root().with(second), 2, 4)));
    BitSet rows = new BitSet();
    rows.set(1);
    rows.set(3);
    DispatchTracer.Spans spans =
        new SpanTracer(telemetry).begin(dispatch, new NodeWork("node", 1, List.of(2)), rows);
    assertThat(spans.traceparent()).contains(first.getSpanContext().getTraceId());
    spans.end(new ExpertNode.Refused(Status.UNAVAILABLE.withDescription("gone")));
    List<SpanData> calls = named("expert.call");
    assertThat(calls).hasSize(2);
    assertThat(calls).allMatch(span -> span.getStatus().getStatusCode() == StatusCode.ERROR);
    assertThat(calls).extracting(RouterTelemetryTest::tokens).containsExactly(1L, 1L);
    assertThat(calls)
        .extracting(SpanData::getParentSpanId)
        .containsExactly(first.getSpanContext().getSpanId(), second.getSpanContext().getSpanId());
  }

  @Test
  void begin_tracedRequestWithoutRowsInTheCall_hasNoSpan() {
    Span request = telemetry.tracer().spanBuilder("request").startSpan();
    LayerDispatch dispatch =
        new LayerDispatch(
            5,
            F32Matrix.allocate(4, 1),
            List.of(new ExpertTokens(2, new int[] {3}, new float[1])),
            List.of(new LayerDispatch.TracedRows(Context.root().with(request), 0, 2)));
    BitSet rows = new BitSet();
    rows.set(3);
    DispatchTracer.Spans spans =
        new SpanTracer(telemetry).begin(dispatch, new NodeWork("node", 1, List.of(2)), rows);
    spans.end(new ExpertNode.Refused(Status.UNAVAILABLE));
    assertThat(spans.traceparent()).isEmpty();
    assertThat(named("expert.call")).isEmpty();
  }

  /** As if one node computed all experts: traces every dispatch as a call to it. */
  private ExpertDispatcher traced(ExpertDispatcher experts) {
    SpanTracer tracer = new SpanTracer(telemetry);
    return dispatch -> {
      BitSet rows = new BitSet();
      for (ExpertTokens work : dispatch.work()) {
        for (int place = 0; place < work.count(); place++) {
          rows.set(work.token(place));
        }
      }
      DispatchTracer.Spans spans = tracer.begin(dispatch, new NodeWork("node", 1, List.of()), rows);
      ExpertDispatcher.Pending pending = experts.begin(dispatch);
      return () -> {
        var outputs = pending.await();
        spans.end(new ExpertNode.Computed(F32Matrix.allocate(1, 1), 1, 2));
        return outputs;
      };
    };
  }

  private List<SpanData> named(String name) {
    return exported.getFinishedSpanItems().stream()
        .filter(span -> span.getName().equals(name))
        .toList();
  }

  private static long tokens(SpanData span) {
    Long tokens = span.getAttributes().get(AttributeKey.longKey("consilium.tokens"));
    assertThat(tokens).isNotNull();
    return tokens;
  }

  private static boolean childOf(SpanData span, Span parent) {
    return span.getParentSpanId().equals(parent.getSpanContext().getSpanId());
  }
}
