package dev.consilium.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.gateway.FakeRouter.Answer;
import dev.consilium.gateway.FakeRouter.Ending;
import io.grpc.Metadata;
import io.grpc.Status;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What operators see: traces that go on to the router, metrics under both names. */
class ObservationTest {
  private static final String PATH = "/v1/completions";
  private static final String BODY = "{\"model\":\"demo\",\"prompt\":\"Hello\"}";
  private FakeRouter router;
  private TestGateway gateway;

  @BeforeEach
  void start() throws IOException, InterruptedException {
    router = FakeRouter.start();
    gateway = TestGateway.start(TestGateway.Limits.USUAL, router);
    router.answers(Answer.of(TestGateway.tokens("Once upon a time")));
  }

  @AfterEach
  void stop() {
    gateway.close();
    router.close();
  }

  @Test
  void trace_begunByClient_goesOnToRouter() throws Exception {
    String trace = "0af7651916cd43dd8448eb211c80319c";
    gateway.send(
        HttpRequest.newBuilder(gateway.uri(PATH))
            .header("Content-Type", "application/json")
            .header("traceparent", "00-" + trace + "-b7ad6b7169203331-01")
            .POST(BodyPublishers.ofString(BODY))
            .build());

    String told =
        router.headers().get(Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER));
    assertThat(told).contains(trace);
    Await.until("both spans", () -> gateway.spans().getFinishedSpanItems().size() == 2);
    SpanData server = span(SpanKind.SERVER);
    SpanData client = span(SpanKind.CLIENT);
    assertThat(server.getTraceId()).isEqualTo(trace);
    assertThat(server.getParentSpanId()).isEqualTo("b7ad6b7169203331");
    assertThat(client.getParentSpanId()).isEqualTo(server.getSpanId());
    assertThat(told).contains(client.getSpanId());
    assertThat(server.getName()).isEqualTo("POST /v1/completions");
    assertThat(server.getAttributes().get(AttributeKey.stringKey("gen_ai.request.model")))
        .isEqualTo("demo");
    assertThat(server.getAttributes().get(AttributeKey.longKey("gen_ai.usage.output_tokens")))
        .isEqualTo(4);
    assertThat(
            server
                .getAttributes()
                .get(AttributeKey.stringArrayKey("gen_ai.response.finish_reasons")))
        .isEqualTo(List.of("length"));
    assertThat(server.getAttributes().get(AttributeKey.longKey("http.response.status_code")))
        .isEqualTo(200);
  }

  private SpanData span(SpanKind kind) {
    return gateway.spans().getFinishedSpanItems().stream()
        .filter(each -> each.getKind() == kind)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void metrics_afterRequests_underBothNames() throws Exception {
    gateway.ok(PATH, BODY);
    router.answers(Answer.of().ending(new Ending.Failed(Status.INTERNAL)));
    gateway.post(PATH, BODY);

    String text = gateway.get("/metrics").body();

    assertThat(text).contains("gen_ai_server_time_to_first_token_seconds_bucket");
    assertThat(text).contains("gen_ai_server_time_per_output_token_seconds_count");
    assertThat(text).contains("gen_ai_server_request_duration_seconds_count");
    assertThat(text).containsPattern("consilium_gateway_tokens_total\\{.*output.*} 4");
    assertThat(text).containsPattern("consilium_gateway_requests_total\\{.*router_failed.*} 1");
    assertThat(text).containsPattern("consilium_gateway_requests_in_flight\\{.*} 0");
    assertThat(text).contains("vllm:num_requests_running{model_name=\"demo\"} 0\n");
    assertThat(text).contains("vllm:generation_tokens_total{model_name=\"demo\"} 4\n");
    assertThat(text).contains("vllm:time_to_first_token_seconds_count{model_name=\"demo\"} 1\n");
    assertThat(text)
        .contains("vllm:time_to_first_token_seconds_bucket{model_name=\"demo\",le=\"+Inf\"} 1\n");
    assertThat(text)
        .contains("vllm:request_success_total{model_name=\"demo\",finished_reason=\"length\"} 1\n");
  }
}
