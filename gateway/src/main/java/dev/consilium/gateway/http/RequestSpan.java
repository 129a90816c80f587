package dev.consilium.gateway.http;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.vertx.core.http.HttpServerRequest;
import org.jspecify.annotations.Nullable;

/** The span of one HTTP request, in the trace its client began if it did. */
final class RequestSpan {
  private static final String SCOPE = "dev.consilium";

  private RequestSpan() {}

  /** The context with the started span; its owner ends it with {@link #end}. */
  static Context start(OpenTelemetry telemetry, HttpServerRequest request, String route) {
    Context parent =
        telemetry
            .getPropagators()
            .getTextMapPropagator()
            .extract(Context.root(), request, Headers.GETTER);
    Span span =
        telemetry
            .getTracer(SCOPE)
            .spanBuilder(request.method().name() + " " + route)
            .setParent(parent)
            .setSpanKind(SpanKind.SERVER)
            .startSpan();
    if (span.isRecording()) {
      span.setAttribute("http.request.method", request.method().name());
      span.setAttribute("http.route", route);
      span.setAttribute("url.path", route);
      span.setAttribute("url.scheme", request.isSSL() ? "https" : "http");
    }
    return parent.with(span);
  }

  static void end(Context context, int status) {
    Span span = Span.fromContext(context);
    span.setAttribute("http.response.status_code", status);
    if (status >= 500) {
      span.setStatus(StatusCode.ERROR);
    }
    span.end();
  }

  private enum Headers implements TextMapGetter<HttpServerRequest> {
    GETTER;

    @Override
    public Iterable<String> keys(HttpServerRequest request) {
      return request.headers().names();
    }

    @Override
    public @Nullable String get(@Nullable HttpServerRequest request, String name) {
      return request == null ? null : request.getHeader(name);
    }
  }
}
