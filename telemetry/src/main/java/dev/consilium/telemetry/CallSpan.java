package dev.consilium.telemetry;

import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;

/**
 * The span of one gRPC call, named and described by OpenTelemetry's conventions for RPC.
 *
 * @see <a href="https://opentelemetry.io/docs/specs/semconv/rpc/grpc/">gRPC conventions</a>
 */
final class CallSpan {

  private static final AttributeKey<String> SYSTEM = AttributeKey.stringKey("rpc.system");
  private static final AttributeKey<String> SERVICE = AttributeKey.stringKey("rpc.service");
  private static final AttributeKey<String> METHOD = AttributeKey.stringKey("rpc.method");
  private static final AttributeKey<Long> STATUS = AttributeKey.longKey("rpc.grpc.status_code");

  private CallSpan() {}

  static Span start(Tracer tracer, MethodDescriptor<?, ?> method, SpanKind kind, Context parent) {
    Span span =
        tracer
            .spanBuilder(method.getFullMethodName())
            .setSpanKind(kind)
            .setParent(parent)
            .startSpan();
    if (span.isRecording()) {
      span.setAttribute(SYSTEM, "grpc");
      span.setAttribute(SERVICE, String.valueOf(method.getServiceName()));
      span.setAttribute(METHOD, String.valueOf(method.getBareMethodName()));
    }
    return span;
  }

  static void end(Span span, Status status) {
    span.setAttribute(STATUS, status.getCode().value());
    if (!status.isOk()) {
      span.setStatus(StatusCode.ERROR, status.getCode() + ": " + status.getDescription());
    }
    span.end();
  }
}
