package dev.consilium.telemetry;

import static org.assertj.core.api.Assertions.assertThat;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.context.Context;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TraceparentTest {

  private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
  private static final String SPAN = "b7ad6b7169203331";

  @Test
  void encode_sampled_isReadBack() {
    String encoded = Traceparent.encode(context(TraceFlags.getSampled()));
    assertThat(encoded).isEqualTo("00-" + TRACE + "-" + SPAN + "-01");
    SpanContext read = Span.fromContext(Traceparent.decode(encoded)).getSpanContext();
    assertThat(read.getTraceId()).isEqualTo(TRACE);
    assertThat(read.getSpanId()).isEqualTo(SPAN);
    assertThat(read.isSampled()).isTrue();
    assertThat(read.isRemote()).isTrue();
  }

  @Test
  void encode_notSampledOrNone_isEmpty() {
    assertThat(Traceparent.encode(context(TraceFlags.getDefault()))).isEmpty();
    assertThat(Traceparent.encode(Context.root())).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "00",
        "junk",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-ZZf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
      })
  void decode_emptyOrMalformed_isNotSampled(String traceparent) {
    SpanContext read = Span.fromContext(Traceparent.decode(traceparent)).getSpanContext();
    assertThat(read.isSampled()).isFalse();
  }

  private static Context context(TraceFlags flags) {
    return Context.root()
        .with(Span.wrap(SpanContext.create(TRACE, SPAN, flags, TraceState.getDefault())));
  }
}
