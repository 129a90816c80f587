package dev.consilium.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.consilium.gateway.FakeRouter.Answer;
import dev.consilium.gateway.FakeRouter.Ending;
import io.grpc.Status;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Routers that are gone, full, draining, broken or of another model. */
class RoutersFaultTest {
  private static final String PATH = "/v1/completions";
  private static final String BODY = "{\"model\":\"demo\",\"prompt\":\"Hello\"}";
  private FakeRouter one;
  private FakeRouter two;

  @BeforeEach
  void start() throws IOException {
    one = FakeRouter.start();
    two = FakeRouter.start();
  }

  @AfterEach
  void stop() {
    one.close();
    two.close();
  }

  private static Answer failing(Status status) {
    return Answer.of().ending(new Ending.Failed(status));
  }

  private static String text(JsonNode answer) {
    return answer.path("choices").get(0).path("text").asText();
  }

  @Test
  void readiness_noRouter_is503WithReasonThenReady() throws Exception {
    int port = one.port();
    one.close();
    try (TestGateway gateway = TestGateway.startUnready(TestGateway.Limits.USUAL, List.of(port))) {
      HttpResponse<String> before = gateway.get("/health/ready");
      assertThat(before.statusCode()).isEqualTo(503);
      assertThat(TestGateway.JSON.readTree(before.body()).path("reason").asText()).isNotBlank();
      assertThat(gateway.post(PATH, BODY).statusCode()).isEqualTo(503);
      assertThat(gateway.get("/health/live").statusCode()).isEqualTo(200);

      one = FakeRouter.startAt(port);
      one.answers(Answer.of(TestGateway.tokens("back")));

      Await.until("ready", () -> gateway.gateway().readiness().ready());
      assertThat(gateway.get("/health/ready").statusCode()).isEqualTo(200);
      assertThat(text(gateway.ok(PATH, BODY))).isEqualTo("back");
    }
  }

  @Test
  void readiness_routerNotReadyDrainingOrOfOtherModel_namesIt() throws Exception {
    try (TestGateway gateway = TestGateway.start(TestGateway.Limits.USUAL, one)) {
      var good = one.status();
      one.reports(good.toBuilder().setReady(false).setNotReadyReason("layer 3 missing").build());
      Await.until("not ready", () -> !gateway.gateway().readiness().ready());
      assertThat(gateway.get("/health/ready").body()).contains("layer 3 missing");

      one.reports(good.toBuilder().setDraining(true).build());
      Await.until("draining", () -> ready(gateway).contains("drains"));
      assertThat(gateway.get("/health/ready").statusCode()).isEqualTo(503);

      one.reports(good.toBuilder().setModelFingerprint("other").build());
      Await.until("other model", () -> ready(gateway).contains("runs another model"));
      assertThat(gateway.post(PATH, BODY).statusCode()).isEqualTo(503);

      one.reports(good);
      Await.until("ready again", () -> gateway.gateway().readiness().ready());
    }
  }

  private static String ready(TestGateway gateway) {
    return gateway.gateway().readiness().obstacles().toString();
  }

  @Test
  void router_unavailableBeforeFirstToken_otherTakesOver() throws Exception {
    one.answers(failing(Status.UNAVAILABLE.withDescription("gone")));
    two.answers(Answer.of(TestGateway.tokens("fine")));
    try (TestGateway gateway = TestGateway.start(TestGateway.Limits.USUAL, one, two)) {
      for (int i = 0; i < 4; i++) {
        assertThat(text(gateway.ok(PATH, BODY))).isEqualTo("fine");
      }
    }
  }

  @Test
  void routers_allFull_is429() throws Exception {
    one.answers(failing(Status.RESOURCE_EXHAUSTED.withDescription("queue of 8 is full")));
    two.answers(failing(Status.RESOURCE_EXHAUSTED.withDescription("queue of 8 is full")));
    try (TestGateway gateway = TestGateway.start(TestGateway.Limits.USUAL, one, two)) {
      HttpResponse<String> response = gateway.post(PATH, BODY);

      assertThat(response.statusCode()).isEqualTo(429);
      assertThat(response.headers().firstValue("Retry-After")).isPresent();
      assertThat(response.body()).contains("queue of 8 is full");
      assertThat(one.requestsWaiting() + two.requestsWaiting()).isEqualTo(2);
    }
  }

  @Test
  void router_refusesArgument_is400OnceOnly() throws Exception {
    one.answers(failing(Status.INVALID_ARGUMENT.withDescription("prompt too long")));
    two.answers(failing(Status.INVALID_ARGUMENT.withDescription("prompt too long")));
    try (TestGateway gateway = TestGateway.start(TestGateway.Limits.USUAL, one, two)) {
      assertThat(gateway.post(PATH, BODY).statusCode()).isEqualTo(400);
      assertThat(one.requestsWaiting() + two.requestsWaiting()).isEqualTo(1);
    }
  }

  @Test
  void router_breaksContract_is500AndNextIsServed() throws Exception {
    try (TestGateway gateway = TestGateway.start(TestGateway.Limits.USUAL, one)) {
      one.answers(Answer.of(5).ending(new Ending.Silent()));
      assertThat(gateway.post(PATH, BODY).body()).contains("router_contract");

      one.answers(Answer.of(4096));
      HttpResponse<String> outside = gateway.post(PATH, BODY);
      assertThat(outside.statusCode()).isEqualTo(500);
      assertThat(outside.body()).contains("4096");

      one.answers(failing(Status.INTERNAL.withDescription("defect")));
      assertThat(gateway.post(PATH, BODY).statusCode()).isEqualTo(500);

      one.answers(Answer.of(TestGateway.tokens("fine")));
      assertThat(text(gateway.ok(PATH, BODY))).isEqualTo("fine");
    }
  }

  @Test
  void choices_oneFails_othersAreCancelled() throws Exception {
    CompletableFuture<Boolean> otherRuns = new CompletableFuture<>();
    one.answers(request -> {
      if (request.getSampling().getSeed() == 2) {
        otherRuns.orTimeout(10, TimeUnit.SECONDS).join(); // what never began is not cancelled
        return failing(Status.INTERNAL.withDescription("defect"));
      }
      otherRuns.complete(true);
      return Answer.of(5).ending(new Ending.Never());
    });
    try (TestGateway gateway = TestGateway.start(TestGateway.Limits.USUAL, one)) {
      HttpResponse<String> response =
          gateway.post(PATH, "{\"model\":\"demo\",\"prompt\":\"Hi\",\"n\":2,\"seed\":1}");

      assertThat(response.statusCode()).isEqualTo(500);
      assertThat(one.awaitCancelled()).isTrue();
    }
  }

  @Test
  void routers_ofUnequalRoom_longPromptGoesWhereItFits() throws Exception {
    one.reports(one.status().toBuilder().setContextLength(8).build());
    var full = two.status();
    String longer = "{\"model\":\"demo\",\"prompt\":\"%s\"}".formatted("word ".repeat(20));
    try (TestGateway gateway = TestGateway.start(TestGateway.Limits.USUAL, one, two)) {
      for (int i = 0; i < 4; i++) {
        gateway.ok(PATH, longer);
      }
      assertThat(List.of(one.requestsWaiting(), two.requestsWaiting())).containsExactly(0, 4);

      two.reports(full.toBuilder().setReady(false).build());
      Await.until("not ready", () -> ready(gateway).contains("not ready"));
      HttpResponse<String> refused = gateway.post(PATH, longer);

      assertThat(refused.statusCode()).isEqualTo(400);
      assertThat(refused.body()).contains("context_length_exceeded", "8 tokens");
      assertThat(gateway.get("/v1/models").body()).contains("\"max_model_len\":8");
    }
  }

  @Test
  void routers_alike_shareTheLoad() throws Exception {
    one.answers(Answer.of(5));
    two.answers(Answer.of(5));
    try (TestGateway gateway = TestGateway.start(TestGateway.Limits.USUAL, one, two)) {
      for (int i = 0; i < 10; i++) {
        gateway.ok(PATH, BODY);
      }
      assertThat(List.of(one.requestsWaiting(), two.requestsWaiting())).containsExactly(5, 5);
    }
  }
}
