package dev.consilium.router.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.proto.router.v1.ExpertTokenCount;
import dev.consilium.proto.router.v1.FinishReason;
import dev.consilium.proto.router.v1.GenerateRequest;
import dev.consilium.proto.router.v1.GenerateResponse;
import dev.consilium.proto.router.v1.RouterServiceGrpc;
import dev.consilium.proto.router.v1.Sampling;
import dev.consilium.proto.router.v1.StatusRequest;
import dev.consilium.proto.router.v1.StatusResponse;
import dev.consilium.proto.router.v1.Token;
import dev.consilium.proto.router.v1.UtilisationRequest;
import dev.consilium.proto.router.v1.UtilisationResponse;
import dev.consilium.router.ServingState;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(120)
class RouterGrpcServiceTest {
  private ServedRouter served;

  @BeforeEach
  void serve() throws Exception {
    served = new ServedRouter();
  }

  @AfterEach
  void stop() {
    served.close();
  }

  static Stream<Arguments> badRequests() {
    return Stream.of(
        bad("no prompt", request().clearPromptTokens(), "no tokens"),
        bad("prompt too long", prompt(ServedRouter.CONTEXT), "512 tokens", "holds 512"),
        bad("prompt far too long", prompt(1_000_000), "1000000 tokens", "holds 512"),
        bad("unknown token", request().addPromptTokens(320), "prompt token 3 is 320"),
        bad("largest token", request().addPromptTokens(-1), "is 4294967295"),
        bad("max_tokens 0", request().setMaxTokens(0), "max_tokens is 0"),
        bad("top_logprobs 21", request().setTopLogprobs(21), "top_logprobs is 21", "20"),
        bad("top_logprobs -1", request().setTopLogprobs(-1), "top_logprobs is 4294967295"),
        bad(
            "stop tokens",
            request().addAllStopTokens(Collections.nCopies(257, 1)),
            "stop_tokens is 257",
            "256"),
        bad("temperature", sampling().setTemperature(-1), "temperature is -1"),
        bad("temperature NaN", sampling().setTemperature(Float.NaN), "temperature is NaN"),
        bad("top_p", sampling().setTopP(0), "top_p is 0"),
        bad("min_p", sampling().setMinP(2), "min_p is 2"),
        bad("repetition_penalty", sampling().setRepetitionPenalty(0), "repetition_penalty is 0"),
        bad("presence_penalty", sampling().setPresencePenalty(3), "presence_penalty is 3"),
        bad("frequency_penalty", sampling().setFrequencyPenalty(-3), "frequency_penalty is -3"),
        bad("bias", sampling().putLogitBias(7, 101), "logit_bias of token 7 is 101"),
        bad("bias of unknown token", sampling().putLogitBias(320, 1), "logit_bias token is 320"),
        bad(
            "biases",
            sampling()
                .putAllLogitBias(
                    IntStream.range(0, 1025).boxed().collect(Collectors.toMap(i -> i, i -> 1f))),
            "logit_bias entries is 1025"));
  }

  private static Arguments bad(String name, GenerateRequest.Builder request, String... words) {
    return Arguments.of(name, request.build(), List.of(words));
  }

  private static Arguments bad(String name, Sampling.Builder sampling, String... words) {
    return bad(name, request().setSampling(sampling), words);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("badRequests")
  void generate_badRequest_isRefusedNamingIt(
      String name, GenerateRequest request, List<String> words) {
    assertThatThrownBy(() -> all(served.blocking().generate(request)))
        .as(name)
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            refused -> {
              assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
              assertThat(refused.getStatus().getDescription()).contains(words);
            });
    assertThat(tokens(request().setMaxTokens(1).build())).hasSize(1); // still serving
  }

  @Test
  void generate_request_sendsTokensThenFinish() {
    List<GenerateResponse> answer =
        all(served.blocking().generate(request().setMaxTokens(5).build()));
    assertThat(answer).hasSize(6);
    assertThat(answer.subList(0, 5)).allMatch(GenerateResponse::hasToken);
    assertThat(answer.getFirst().getToken().hasLogprob()).isFalse();
    assertThat(answer.getFirst().getToken().getExpertChoicesList()).isEmpty();
    assertThat(answer.getLast().getFinish().getReason())
        .isEqualTo(FinishReason.FINISH_REASON_LENGTH);
    assertThat(answer.getLast().getFinish().getPromptTokens()).isEqualTo(3);
    assertThat(answer.getLast().getFinish().getCompletionTokens()).isEqualTo(5);
    assertThat(answer.getLast().getFinish().getTimeToFirstTokenSeconds()).isPositive();
  }

  @Test
  void generate_noMaxTokens_fillsTheContext() {
    assertThat(tokens(prompt(ServedRouter.CONTEXT - 2).build())).hasSize(2);
    assertThat(tokens(prompt(ServedRouter.CONTEXT - 2).setMaxTokens(-1).build())).hasSize(2);
  }

  @Test
  void generate_stopTokens_endUnlessIgnored() {
    List<Token> free = tokens(request().setMaxTokens(4).build());
    GenerateRequest.Builder stopping =
        request().setMaxTokens(4).addStopTokens(free.getFirst().getId());
    List<GenerateResponse> stopped = all(served.blocking().generate(stopping.build()));
    assertThat(stopped).hasSize(1);
    assertThat(stopped.getFirst().getFinish().getReason())
        .isEqualTo(FinishReason.FINISH_REASON_STOP);
    assertThat(tokens(stopping.setIgnoreStopTokens(true).build())).isEqualTo(free);
  }

  @Test
  void generate_extras_areSent() {
    GenerateRequest request =
        request().setMaxTokens(2).setTopLogprobs(3).setExpertTrace(true).build();
    for (Token token : tokens(request)) {
      assertThat(token.getTopLogprobsCount()).isEqualTo(3);
      assertThat(token.getTopLogprobs(0).getId()).isEqualTo(token.getId());
      assertThat(token.getLogprob()).isEqualTo(token.getTopLogprobs(0).getLogprob()).isNegative();
      assertThat(token.getExpertChoicesList())
          .extracting(choice -> choice.getLayer())
          .containsExactly(0, 2, 3);
      assertThat(token.getExpertChoicesList())
          .allMatch(choice -> choice.getExpertsCount() == ServedRouter.TOP_K)
          .allMatch(choice -> choice.getWeightsCount() == ServedRouter.TOP_K);
    }
  }

  @Test
  void generate_seedLeftOut_differsFromTimeToTime() {
    GenerateRequest hot =
        request().setMaxTokens(20).setSampling(sampling().setTemperature(100)).build();
    assertThat(tokens(hot)).isNotEqualTo(tokens(hot));
    GenerateRequest seeded =
        request().setMaxTokens(20).setSampling(sampling().setTemperature(100).setSeed(-1)).build();
    assertThat(tokens(seeded)).isEqualTo(tokens(seeded));
  }

  @Test
  void generate_clientCancels_freesTheSequence() throws Exception {
    for (int i = 0; i < 5; i++) {
      Reader reader = new Reader(Integer.MAX_VALUE);
      served.stub().generate(request().build(), reader);
      reader.awaitFirst();
      reader.call().cancel("enough", null);
    }
    assertThat(served.engine().drain(Duration.ofSeconds(60))).isTrue();
    assertThat(computedTokens()).as("all five to the end are 2555").isLessThan(1500);
    served.engine().close();
    assertThat(served.engine().load().freeBlocks()).isEqualTo(served.engine().load().totalBlocks());
  }

  @Test
  void generate_cancelledAtOnce_freesTheSequence() throws Exception {
    for (int i = 0; i < 50; i++) {
      Reader reader = new Reader(Integer.MAX_VALUE);
      served.stub().generate(request().build(), reader);
      reader.call().cancel("never mind", null);
    }
    assertThat(served.engine().drain(Duration.ofSeconds(60))).isTrue();
    assertThat(computedTokens())
        .as("the six that find room, to the end, are 3066")
        .isLessThan(1500);
  }

  private long computedTokens() {
    return served.state().utilisation().counts().stream()
            .filter(count -> count.layer() == 0)
            .mapToLong(count -> count.tokens())
            .sum()
        / ServedRouter.TOP_K;
  }

  @Test
  void generate_readerThatTakesNothing_doesNotHoldOthersUp() throws Exception {
    Reader slow = new Reader(0);
    served.stub().generate(request().setMaxTokens(200).build(), slow);
    assertThat(tokens(request().setMaxTokens(20).build())).hasSize(20);
    slow.call().request(1000);
    slow.awaitEnd();
    assertThat(slow.received).hasSize(201);
  }

  @Test
  void generate_readerTooFarBehind_isCutOff() throws Exception {
    try (ServedRouter strict = new ServedRouter(1000)) {
      Reader slow = new Reader(1);
      strict.stub().generate(request().setMaxTokens(400).build(), slow);
      slow.awaitFirst();
      assertThat(strict.engine().drain(Duration.ofSeconds(60))).isTrue();
      slow.call().request(1000);
      slow.awaitEnd();
      assertThat(slow.failure.getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
      assertThat(slow.failure.getDescription()).contains("1000 bytes", "read faster");
      assertThat(slow.received).hasSizeBetween(50, 399);
    }
  }

  @Test
  void generate_loading_isUnavailableAndStatusSaysSo() throws Exception {
    String name = InProcessServerBuilder.generateName();
    ManagedChannel channel = InProcessChannelBuilder.forName(name).build();
    try (RouterGrpcService service = new RouterGrpcService(ServingState.loading("router-1"))) {
      Server server = InProcessServerBuilder.forName(name).addService(service).build().start();
      RouterServiceGrpc.RouterServiceBlockingStub loading =
          RouterServiceGrpc.newBlockingStub(channel);
      assertThatThrownBy(() -> all(loading.generate(request().build())))
          .hasMessageContaining("UNAVAILABLE")
          .hasMessageContaining("router-1")
          .hasMessageContaining("loading");
      StatusResponse status = loading.status(StatusRequest.getDefaultInstance());
      assertThat(status.getReady()).isFalse();
      assertThat(status.getNotReadyReason()).contains("loading");
      server.shutdownNow();
    } finally {
      channel.shutdownNow();
    }
  }

  @Test
  void generate_draining_isUnavailableAndStatusSaysSo() {
    ServingState.drain(served.state());
    assertThatThrownBy(() -> all(served.blocking().generate(request().build())))
        .hasMessageContaining("UNAVAILABLE")
        .hasMessageContaining("draining");
    StatusResponse status = served.blocking().status(StatusRequest.getDefaultInstance());
    assertThat(status.getDraining()).isTrue();
    assertThat(status.getReady()).isFalse();
    assertThat(status.getNotReadyReason()).contains("draining");
  }

  @Test
  void status_idleRouter_describesIt() {
    StatusResponse status = served.blocking().status(StatusRequest.getDefaultInstance());
    assertThat(status)
        .isEqualTo(
            StatusResponse.newBuilder()
                .setRouter("router-0")
                .setModelFingerprint(served.fingerprint())
                .setContextLength(ServedRouter.CONTEXT)
                .setVocabularySize(ServedRouter.VOCABULARY)
                .setWaitingLimit(4)
                .setKvBlocksTotal(32)
                .setKvBlocksFree(32)
                .setKvBlockTokens(16)
                .setReady(true)
                .build());
  }

  @Test
  void utilisation_afterRequests_countsEveryTokenExactly() {
    tokens(request().setMaxTokens(5).build());
    tokens(prompt(40).setMaxTokens(3).build());
    List<UtilisationResponse> snapshots =
        all(served.blocking().utilisation(UtilisationRequest.getDefaultInstance()));
    assertThat(snapshots).hasSize(1);
    List<ExpertTokenCount> counts = snapshots.getFirst().getCountsList();
    // The last token of an answer is never computed: nobody asks what follows it.
    long computed = (3 + 5 - 1) + (40 + 3 - 1);
    Map<Integer, Long> byLayer =
        counts.stream()
            .collect(
                Collectors.groupingBy(
                    ExpertTokenCount::getLayer,
                    Collectors.summingLong(ExpertTokenCount::getTokens)));
    long each = computed * ServedRouter.TOP_K;
    assertThat(byLayer).isEqualTo(Map.of(0, each, 2, each, 3, each));
    assertThat(counts).allMatch(count -> count.getNode().equals("router-0"));
    assertThat(counts.stream().map(count -> count.getLayer() + "/" + count.getExpert()))
        .doesNotHaveDuplicates();
  }

  @Test
  void utilisation_interval_sendsSnapshotAfterSnapshot() {
    Iterator<UtilisationResponse> snapshots =
        served
            .blocking()
            .withDeadlineAfter(60, TimeUnit.SECONDS)
            .utilisation(UtilisationRequest.newBuilder().setIntervalMillis(100).build());
    assertThat(snapshots.next().getCountsList()).isEmpty();
    tokens(request().setMaxTokens(1).build());
    UtilisationResponse later = snapshots.next();
    while (later.getCountsList().isEmpty()) {
      later = snapshots.next();
    }
    assertThat(later.getCounts(0).getNode()).isEqualTo("router-0");
  }

  @Test
  void utilisation_badInterval_isRefused() {
    for (int interval : new int[] {1, 99, -1}) {
      UtilisationRequest request =
          UtilisationRequest.newBuilder().setIntervalMillis(interval).build();
      assertThatThrownBy(() -> all(served.blocking().utilisation(request)))
          .hasMessageContaining("INVALID_ARGUMENT")
          .hasMessageContaining("interval_millis is " + Integer.toUnsignedString(interval));
    }
  }

  private static GenerateRequest.Builder request() {
    return GenerateRequest.newBuilder().addAllPromptTokens(List.of(5, 17, 200));
  }

  private static GenerateRequest.Builder prompt(int length) {
    return GenerateRequest.newBuilder().addAllPromptTokens(Collections.nCopies(length, 9));
  }

  private static Sampling.Builder sampling() {
    return Sampling.newBuilder();
  }

  private List<Token> tokens(GenerateRequest request) {
    return all(served.blocking().generate(request)).stream()
        .filter(GenerateResponse::hasToken)
        .map(GenerateResponse::getToken)
        .toList();
  }

  private static <T> List<T> all(Iterator<T> answer) {
    List<T> all = new ArrayList<>();
    answer.forEachRemaining(all::add);
    return all;
  }

  /** A client that reads as much as it is told to. */
  private static final class Reader
      implements ClientResponseObserver<GenerateRequest, GenerateResponse> {
    final List<GenerateResponse> received = Collections.synchronizedList(new ArrayList<>());
    private final int atFirst;
    private final CountDownLatch first = new CountDownLatch(1);
    private final CountDownLatch end = new CountDownLatch(1);
    private @Nullable ClientCallStreamObserver<GenerateRequest> call;
    volatile Status failure = Status.OK;

    Reader(int atFirst) {
      this.atFirst = atFirst;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<GenerateRequest> started) {
      call = started;
      started.disableAutoRequestWithInitial(atFirst);
    }

    /** The call, once it was started. */
    ClientCallStreamObserver<GenerateRequest> call() {
      return Objects.requireNonNull(call);
    }

    void awaitFirst() throws InterruptedException {
      assertThat(first.await(30, TimeUnit.SECONDS)).isTrue();
    }

    void awaitEnd() throws InterruptedException {
      assertThat(end.await(30, TimeUnit.SECONDS)).isTrue();
    }

    @Override
    public void onNext(GenerateResponse response) {
      received.add(response);
      first.countDown();
    }

    @Override
    public void onError(Throwable thrown) {
      failure = Status.fromThrowable(thrown);
      end.countDown();
    }

    @Override
    public void onCompleted() {
      end.countDown();
    }
  }
}
