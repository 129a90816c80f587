package dev.consilium.telemetry;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A trace context that travels inside a message, because the stream it travels on outlives the
 * request.
 *
 * @see <a href="https://www.w3.org/TR/trace-context/#traceparent-header">W3C Trace Context</a>
 */
public final class Traceparent {

  private static final String HEADER = "traceparent";
  private static final TextMapGetter<String> ONLY_HEADER = new OnlyHeader();

  private Traceparent() {}

  /**
   * The context's traceparent; empty if it is not sampled, so that nobody records what nobody
   * reads.
   */
  public static String encode(Context context) {
    SpanContext span = Span.fromContext(context).getSpanContext();
    if (!span.isValid() || !span.isSampled()) {
      return "";
    }
    return "00-%s-%s-%s"
        .formatted(span.getTraceId(), span.getSpanId(), TraceFlags.getSampled().asHex());
  }

  /**
   * The context to make child spans in. An empty or malformed value gives a context that is not
   * sampled: a caller that sent no trace gets none, and a garbled one must not cost it its request.
   */
  public static Context decode(String traceparent) {
    if (traceparent.isEmpty()) {
      return NotSampled.CONTEXT;
    }
    Context read =
        W3CTraceContextPropagator.getInstance().extract(Context.root(), traceparent, ONLY_HEADER);
    return Span.fromContext(read).getSpanContext().isValid() ? read : NotSampled.CONTEXT;
  }

  /** A parent that is not sampled, so that the parent-based sampler makes no root span. */
  private static final class NotSampled {
    static final Context CONTEXT =
        Context.root()
            .with(
                Span.wrap(
                    SpanContext.createFromRemoteParent(
                        "00000000000000000000000000000001",
                        "0000000000000001",
                        TraceFlags.getDefault(),
                        TraceState.getDefault())));
  }

  private static final class OnlyHeader implements TextMapGetter<String> {
    @Override
    public Iterable<String> keys(String carrier) {
      return List.of(HEADER);
    }

    @Override
    public @Nullable String get(@Nullable String carrier, String key) {
      return key.equals(HEADER) ? carrier : null;
    }
  }
}
