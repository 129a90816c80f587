package dev.consilium.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.consilium.gateway.FakeRouter.Answer;
import dev.consilium.gateway.FakeRouter.Ending;
import dev.consilium.proto.inference.v1.ChatRequest;
import dev.consilium.proto.inference.v1.Finish;
import dev.consilium.proto.inference.v1.FinishReason;
import dev.consilium.proto.inference.v1.GenerateRequest;
import dev.consilium.proto.inference.v1.GenerateResponse;
import dev.consilium.proto.inference.v1.GeneratedToken;
import dev.consilium.proto.inference.v1.GenerationOptions;
import dev.consilium.proto.inference.v1.InferenceServiceGrpc;
import dev.consilium.proto.inference.v1.InferenceServiceGrpc.InferenceServiceBlockingStub;
import dev.consilium.proto.inference.v1.ListModelsRequest;
import dev.consilium.proto.inference.v1.Message;
import dev.consilium.proto.inference.v1.TokeniseRequest;
import dev.consilium.proto.inference.v1.UtilisationRequest;
import dev.consilium.proto.router.v1.ExpertTokenCount;
import dev.consilium.proto.router.v1.Token;
import dev.consilium.proto.router.v1.TokenLogprob;
import dev.consilium.proto.router.v1.UtilisationResponse;
import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The public gRPC service: same answers as over HTTP, same care. */
class GrpcDoorTest {
  private static FakeRouter router;
  private static FakeRouter other;
  private static TestGateway gateway;
  private static ManagedChannel channel;

  @BeforeAll
  static void start() throws IOException, InterruptedException {
    router = FakeRouter.start();
    other = FakeRouter.start();
    gateway = TestGateway.start(TestGateway.Limits.USUAL, router, other);
    channel =
        Grpc.newChannelBuilderForAddress(
                "127.0.0.1", gateway.gateway().grpcPort(), InsecureChannelCredentials.create())
            .build();
  }

  @AfterAll
  static void stop() {
    channel.shutdownNow();
    gateway.close();
    router.close();
    other.close();
  }

  private static InferenceServiceBlockingStub stub() {
    return InferenceServiceGrpc.newBlockingStub(channel).withDeadlineAfter(20, TimeUnit.SECONDS);
  }

  private static void bothAnswer(Answer answer) {
    router.answers(answer);
    other.answers(answer);
  }

  private static GenerateRequest hello(GenerationOptions options) {
    return GenerateRequest.newBuilder().setPrompt("Hello").setOptions(options).build();
  }

  private static String text(List<GenerateResponse> responses) {
    StringBuilder text = new StringBuilder();
    responses.forEach(response -> text.append(response.getDelta().getText()));
    return text.toString();
  }

  private static List<GenerateResponse> all(Iterator<GenerateResponse> responses) {
    List<GenerateResponse> list = new ArrayList<>();
    responses.forEachRemaining(list::add);
    return list;
  }

  @Test
  void chat_sameAsOverHttp() throws Exception {
    bothAnswer(Answer.of(TestGateway.byteTokens("one – two END x")).ending(Ending.STOP));

    List<GenerateResponse> responses =
        all(
            stub()
                .chat(
                    ChatRequest.newBuilder()
                        .addMessages(Message.newBuilder().setRole("user").setContent("Hello"))
                        .setOptions(GenerationOptions.newBuilder().addStop("END"))
                        .build()));
    JsonNode http =
        gateway.ok(
            "/v1/chat/completions",
            "{\"model\":\"demo\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}],\"stop\":\"END\"}");

    Finish finish = responses.getLast().getFinish();
    assertThat(text(responses))
        .isEqualTo(http.path("choices").get(0).path("message").path("content").asText())
        .isEqualTo("one – two ");
    assertThat(finish.getReason()).isEqualTo(FinishReason.FINISH_REASON_STOP);
    assertThat(finish.getPromptTokens())
        .isEqualTo(http.path("usage").path("prompt_tokens").asInt());
    assertThat(finish.getCompletionTokens())
        .isEqualTo(http.path("usage").path("completion_tokens").asInt());
  }

  @Test
  void generate_logprobsAndExperts_arrive() {
    int she = TestGateway.tokens(" She")[0];
    Token token =
        Token.newBuilder()
            .setId(she)
            .setLogprob(-0.25f)
            .addTopLogprobs(TokenLogprob.newBuilder().setId(she).setLogprob(-0.25f))
            .addExpertChoices(
                dev.consilium.proto.router.v1.ExpertChoice.newBuilder()
                    .setLayer(2)
                    .addExperts(7)
                    .addWeights(1))
            .build();
    bothAnswer(new Answer(List.of(token), Ending.LENGTH));

    List<GenerateResponse> responses =
        all(
            stub()
                .generate(
                    hello(
                        GenerationOptions.newBuilder()
                            .setTopLogprobs(1)
                            .setExpertTrace(true)
                            .build())));

    GeneratedToken generated = responses.getFirst().getDelta().getTokens(0);
    assertThat(generated.getId()).isEqualTo(she);
    assertThat(generated.getLogprob()).isEqualTo(-0.25f);
    assertThat(generated.getTopLogprobs(0).getText()).isEqualTo(" She");
    assertThat(generated.getExpertChoices(0).getExpertsList()).containsExactly(7);
    assertThat(responses.getLast().getFinish().getReason())
        .isEqualTo(FinishReason.FINISH_REASON_LENGTH);
  }

  @Test
  void generate_cancelled_cancelsRouterStream() throws Exception {
    bothAnswer(Answer.of(TestGateway.tokens("Once")).ending(new Ending.Never()));
    try (Context.CancellableContext context = Context.current().withCancellation()) {
      Iterator<GenerateResponse> responses =
          context.call(() -> stub().generate(hello(GenerationOptions.getDefaultInstance())));
      assertThat(responses.next().getDelta().getText()).isEqualTo("Once");
    }

    Await.until("the place given back", () -> gateway.gateway().inFlight() == 0);
    Await.until(
        "the router's stream cancelled", () -> router.cancelledNow() + other.cancelledNow() > 0);
  }

  @Test
  void tokenise_asGenerateWould() {
    assertThat(
            stub()
                .tokenise(TokeniseRequest.newBuilder().setText("Once upon").build())
                .getTokensList())
        .containsExactly(TestGateway.tokens("Once upon")[0], TestGateway.tokens("Once upon")[1]);
  }

  @Test
  void listModels_theOne() {
    var models = stub().listModels(ListModelsRequest.getDefaultInstance()).getModelsList();

    assertThat(models).hasSize(1);
    assertThat(models.getFirst().getId()).isEqualTo("demo");
    assertThat(models.getFirst().getContextLength()).isEqualTo(512);
    assertThat(models.getFirst().getVocabularySize()).isEqualTo(4096);
  }

  @Test
  void utilisation_sumsOverRouters() {
    router.reports(counts(3, 10));
    other.reports(counts(3, 5));

    var snapshots = stub().utilisation(UtilisationRequest.getDefaultInstance());
    var first = snapshots.next();

    assertThat(first.getCountsList()).hasSize(1);
    assertThat(first.getCounts(0).getTokens()).isEqualTo(15);
    assertThat(first.getCounts(0).getNode()).isEqualTo("node-a");
    assertThat(snapshots.hasNext()).isFalse();

    var live = stub().utilisation(UtilisationRequest.newBuilder().setIntervalMillis(100).build());
    live.next();
    other.reports(counts(3, 7));
    Await.until("the new count", () -> live.next().getCounts(0).getTokens() == 17);
  }

  private static void openFeeds(int feeds) {
    for (int i = 0; i < feeds; i++) {
      stub().utilisation(UtilisationRequest.newBuilder().setIntervalMillis(100).build()).next();
    }
  }

  @Test
  void utilisation_tooManyFeeds_areRefusedUntilSomeLeave() throws Exception {
    try (Context.CancellableContext context = Context.current().withCancellation()) {
      assertThatThrownBy(() ->
              context.call(() -> {
                openFeeds(17);
                return true;
              }))
          .isInstanceOfSatisfying(
              StatusRuntimeException.class,
              e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED));
    }
    Await.until("a feed given back", GrpcDoorTest::feedsOpen);
  }

  private static boolean feedsOpen() {
    try {
      openOnce();
      return true;
    } catch (StatusRuntimeException full) {
      return false;
    }
  }

  private static void openOnce() {
    stub().utilisation(UtilisationRequest.getDefaultInstance()).next();
  }

  @Test
  void tokenise_noPlaceFree_isRefused() throws Exception {
    bothAnswer(Answer.of(TestGateway.tokens("Once")).ending(new Ending.Never()));
    try (TestGateway small =
        TestGateway.start(TestGateway.Limits.USUAL.withMaxInFlight(1), router)) {
      ManagedChannel line =
          Grpc.newChannelBuilderForAddress(
                  "127.0.0.1", small.gateway().grpcPort(), InsecureChannelCredentials.create())
              .build();
      try {
        var calls =
            InferenceServiceGrpc.newBlockingStub(line).withDeadlineAfter(20, TimeUnit.SECONDS);
        calls.generate(hello(GenerationOptions.getDefaultInstance())).next();

        assertThatThrownBy(
                () -> calls.tokenise(TokeniseRequest.newBuilder().setText("Once").build()))
            .isInstanceOfSatisfying(
                StatusRuntimeException.class,
                e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED));
      } finally {
        line.shutdownNow();
      }
    }
  }

  private static UtilisationResponse counts(int expert, long tokens) {
    return UtilisationResponse.newBuilder()
        .addCounts(
            ExpertTokenCount.newBuilder()
                .setLayer(1)
                .setExpert(expert)
                .setNode("node-a")
                .setTokens(tokens))
        .build();
  }

  @Test
  void health_followsReadiness() throws Exception {
    HealthCheckRequest request =
        HealthCheckRequest.newBuilder().setService(InferenceServiceGrpc.SERVICE_NAME).build();
    Await.until(
        "serving",
        () ->
            HealthGrpc.newBlockingStub(channel).check(request).getStatus()
                == ServingStatus.SERVING);
    var good = router.status();
    var bad = good.toBuilder().setReady(false).build();
    router.reports(bad);
    other.reports(bad);
    Await.until(
        "not serving",
        () ->
            HealthGrpc.newBlockingStub(channel).check(request).getStatus()
                == ServingStatus.NOT_SERVING);
    router.reports(good);
    other.reports(good);
    Await.until(
        "ready",
        () ->
            gateway.gateway().readiness().obstacles().values().stream()
                .allMatch(java.util.Optional::isEmpty));
  }

  static Stream<GenerateRequest> bad() {
    GenerationOptions none = GenerationOptions.getDefaultInstance();
    return Stream.of(
        hello(none).toBuilder().setPrompt("").build(),
        hello(none).toBuilder().setPrompt("word ".repeat(600)).build(),
        hello(none.toBuilder().setTemperature(-1).build()),
        hello(none.toBuilder().setTemperature(Float.NaN).build()),
        hello(none.toBuilder().setTopP(0).build()),
        hello(none.toBuilder().setTopP(1.5f).build()),
        hello(none.toBuilder().setMinP(Float.POSITIVE_INFINITY).build()),
        hello(none.toBuilder().setRepetitionPenalty(0).build()),
        hello(none.toBuilder().setRepetitionPenalty(Float.NaN).build()),
        hello(none.toBuilder().setPresencePenalty(3).build()),
        hello(none.toBuilder().setFrequencyPenalty(-3).build()),
        hello(none.toBuilder().setMaxTokens(0).build()),
        hello(none.toBuilder().setTopLogprobs(21).build()),
        hello(none.toBuilder().setTopLogprobs(-1).build()),
        hello(none.toBuilder().putLogitBias(4096, 1).build()),
        hello(none.toBuilder().putLogitBias(-1, 1).build()),
        hello(none.toBuilder().putLogitBias(1, 101).build()),
        hello(none.toBuilder().addStop("").build()),
        hello(none.toBuilder().addStop("x".repeat(2000)).build()));
  }

  @ParameterizedTest
  @MethodSource("bad")
  void generate_badRequest_isInvalidArgument(GenerateRequest request) {
    assertThatThrownBy(() -> all(stub().generate(request)))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> {
              assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
              assertThat(e.getStatus().getDescription()).isNotBlank();
            });
  }

  @Test
  void chat_withoutMessagesOrOtherModel_refused() {
    assertThatThrownBy(() -> all(stub().chat(ChatRequest.getDefaultInstance())))
        .hasMessageContaining("messages must have at least one");
    assertThatThrownBy(
            () -> all(stub().generate(GenerateRequest.newBuilder().setModel("x").build())))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND));
  }

  @Test
  void generate_messageTooLarge_refusedAndNextServed() {
    bothAnswer(Answer.of(TestGateway.tokens("fine")));
    GenerateRequest large = GenerateRequest.newBuilder().setPrompt("x".repeat(2 << 20)).build();

    assertThatThrownBy(() -> all(stub().generate(large)))
        .isInstanceOf(StatusRuntimeException.class);
    assertThat(text(all(stub().generate(hello(GenerationOptions.getDefaultInstance())))))
        .isEqualTo("fine");
  }
}
