package dev.consilium.telemetry;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;

/**
 * Sends the current trace context with each call, as a span of that call if the process traces.
 *
 * <p>A call that belongs to no trace gets no span: what starts a trace is a request at the gateway,
 * not a poll of ours.
 */
public final class TraceClientInterceptor implements ClientInterceptor {

  private final Telemetry telemetry;

  public TraceClientInterceptor(Telemetry telemetry) {
    this.telemetry = telemetry;
  }

  @Override
  public <Q, R> ClientCall<Q, R> interceptCall(
      MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
    ClientCall<Q, R> call = next.newCall(method, options);
    Context parent = Context.current();
    if (!Span.fromContext(parent).getSpanContext().isValid()) {
      return call;
    }
    return telemetry.tracing()
        ? new Traced<>(
            call, CallSpan.start(telemetry.tracer(), method, SpanKind.CLIENT, parent), parent)
        : new Forwarded<>(call, parent);
  }

  private static void inject(Context context, Metadata headers) {
    W3CTraceContextPropagator.getInstance().inject(context, headers, GrpcMetadata.CARRIER);
  }

  private static final class Forwarded<Q, R> extends SimpleForwardingClientCall<Q, R> {

    private final Context context;

    Forwarded(ClientCall<Q, R> call, Context context) {
      super(call);
      this.context = context;
    }

    @Override
    public void start(Listener<R> listener, Metadata headers) {
      inject(context, headers);
      super.start(listener, headers);
    }
  }

  private static final class Traced<Q, R> extends SimpleForwardingClientCall<Q, R> {

    private final Span span;
    private final Context parent;

    Traced(ClientCall<Q, R> call, Span span, Context parent) {
      super(call);
      this.span = span;
      this.parent = parent;
    }

    @Override
    public void start(Listener<R> listener, Metadata headers) {
      inject(parent.with(span), headers);
      try {
        super.start(
            new SimpleForwardingClientCallListener<>(listener) {
              @Override
              public void onClose(Status status, Metadata trailers) {
                CallSpan.end(span, status);
                super.onClose(status, trailers);
              }
            },
            headers);
      } catch (RuntimeException failed) {
        // A call that did not start is never closed.
        CallSpan.end(span, Status.fromThrowable(failed));
        throw failed;
      }
    }
  }
}
