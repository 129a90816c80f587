package dev.consilium.telemetry;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Takes the trace context that a call brings, makes the call's span in it, and keeps it current in
 * every callback of the call: a handler reads it with {@link Context#current()}.
 */
public final class TraceServerInterceptor implements ServerInterceptor {

  /** Which calls get a span. */
  public enum Roots {
    /** Only those that arrive with a trace context: services behind the gateway. */
    CONTINUE_ONLY,
    /** Those, and every call to a service of ours: the public door, where traces start. */
    START_HERE
  }

  private final Telemetry telemetry;
  private final Roots roots;

  public TraceServerInterceptor(Telemetry telemetry, Roots roots) {
    this.telemetry = telemetry;
    this.roots = roots;
  }

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    Context parent =
        W3CTraceContextPropagator.getInstance()
            .extract(Context.root(), headers, GrpcMetadata.CARRIER);
    boolean continued = Span.fromContext(parent).getSpanContext().isValid();
    if (!continued && !startsHere(call)) {
      return next.startCall(call, headers);
    }
    if (!telemetry.tracing()) {
      return inContext(parent, call, headers, next);
    }
    Span span =
        CallSpan.start(telemetry.tracer(), call.getMethodDescriptor(), SpanKind.SERVER, parent);
    return traced(parent.with(span), span, call, headers, next);
  }

  private boolean startsHere(ServerCall<?, ?> call) {
    // grpc.health.v1 and grpc.reflection.v1 are asked every few seconds, by nobody who reads
    // traces.
    return roots == Roots.START_HERE
        && !call.getMethodDescriptor().getFullMethodName().startsWith("grpc.");
  }

  private static <Q, R> ServerCall.Listener<Q> traced(
      Context context,
      Span span,
      ServerCall<Q, R> call,
      Metadata headers,
      ServerCallHandler<Q, R> next) {
    AtomicBoolean ended = new AtomicBoolean();
    ServerCall<Q, R> closing =
        new SimpleForwardingServerCall<>(call) {
          @Override
          public void close(Status status, Metadata trailers) {
            if (ended.compareAndSet(false, true)) {
              CallSpan.end(span, status);
            }
            super.close(status, trailers);
          }
        };
    ServerCall.Listener<Q> listener = inContext(context, closing, headers, next);
    return new SimpleForwardingServerCallListener<>(listener) {
      @Override
      public void onCancel() {
        if (ended.compareAndSet(false, true)) {
          CallSpan.end(span, Status.CANCELLED);
        }
        super.onCancel();
      }
    };
  }

  private static <Q, R> ServerCall.Listener<Q> inContext(
      Context context, ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    try (Scope _ = context.makeCurrent()) {
      return new InContext<>(context, next.startCall(call, headers));
    }
  }

  /** gRPC calls back on whatever thread is free; each callback enters the context anew. */
  private static final class InContext<Q> extends SimpleForwardingServerCallListener<Q> {

    private final Context context;

    InContext(Context context, ServerCall.Listener<Q> listener) {
      super(listener);
      this.context = context;
    }

    @Override
    public void onMessage(Q message) {
      run(() -> super.onMessage(message));
    }

    @Override
    public void onHalfClose() {
      run(super::onHalfClose);
    }

    @Override
    public void onCancel() {
      run(super::onCancel);
    }

    @Override
    public void onComplete() {
      run(super::onComplete);
    }

    @Override
    public void onReady() {
      run(super::onReady);
    }

    private void run(Runnable callback) {
      try (Scope _ = context.makeCurrent()) {
        callback.run();
      }
    }
  }
}
