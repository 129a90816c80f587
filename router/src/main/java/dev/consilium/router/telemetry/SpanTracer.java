package dev.consilium.router.telemetry;

import dev.consilium.placement.NodeWork;
import dev.consilium.router.dispatch.ExpertNode;
import dev.consilium.router.dispatch.LayerDispatch;
import dev.consilium.router.dispatch.RemoteExperts.DispatchTracer;
import dev.consilium.telemetry.Telemetry;
import dev.consilium.telemetry.Traceparent;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * A span for every expert call of a traced request. A call that serves several of them is
 * continued, on the node, in the first one's trace.
 */
public final class SpanTracer implements DispatchTracer {
  private final Telemetry telemetry;

  public SpanTracer(Telemetry telemetry) {
    this.telemetry = telemetry;
  }

  @Override
  public Spans begin(LayerDispatch dispatch, NodeWork node, BitSet rows) {
    if (dispatch.traces().isEmpty()) {
      return NONE.begin(dispatch, node, rows);
    }
    List<Span> spans = new ArrayList<>();
    String traceparent = "";
    for (LayerDispatch.TracedRows traced : dispatch.traces()) {
      int tokens = rows.get(traced.from(), traced.to()).cardinality();
      if (tokens == 0) {
        continue;
      }
      Span span =
          telemetry
              .tracer()
              .spanBuilder("expert.call")
              .setSpanKind(SpanKind.CLIENT)
              .setParent(traced.parent())
              .setAttribute("consilium.layer", (long) dispatch.layer())
              .setAttribute("consilium.node", node.node())
              .setAttribute("consilium.experts", node.experts().toString())
              .setAttribute("consilium.tokens", (long) tokens)
              .startSpan();
      spans.add(span);
      if (traceparent.isEmpty()) {
        traceparent = Traceparent.encode(traced.parent().with(span));
      }
    }
    return new CallSpans(traceparent, spans);
  }

  private record CallSpans(String traceparent, List<Span> spans) implements Spans {
    @Override
    public void end(ExpertNode.Reply reply) {
      for (Span span : spans) {
        switch (reply) {
          case ExpertNode.Computed computed ->
              span.setAttribute("consilium.queue.ns", computed.queueNanos())
                  .setAttribute("consilium.compute.ns", computed.computeNanos());
          case ExpertNode.Refused refused ->
              span.setStatus(StatusCode.ERROR, refused.why().toString());
        }
        span.end();
      }
    }
  }
}
