package dev.consilium.router.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.consilium.model.expert.ExpertId;
import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.model.expert.RoundTo;
import dev.consilium.proto.expert.v1.DescribeResponse;
import dev.consilium.proto.expert.v1.ExecuteRequest;
import dev.consilium.proto.expert.v1.ExecuteResponse;
import dev.consilium.proto.expert.v1.LayerExperts;
import dev.consilium.proto.expert.v1.Refused;
import dev.consilium.proto.tensor.v1.DType;
import dev.consilium.proto.tensor.v1.Tensor;
import dev.consilium.router.dispatch.ExpertNode;
import dev.consilium.tensor.F32Matrix;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class GrpcExpertNodeTest {
  private static final int HIDDEN = 4;

  /** Two pairs of expert and token, so two rows of output. */
  private static final List<ExpertTokens> WORK =
      List.of(
          new ExpertTokens(5, new int[] {0}, new float[] {0.25f}),
          new ExpertTokens(9, new int[] {1}, new float[] {0.75f}));

  private ScriptedNode server;
  private GrpcExpertNode node;

  @BeforeEach
  void connect() throws Exception {
    server = new ScriptedNode();
    node = node(Duration.ofSeconds(30));
  }

  private GrpcExpertNode node(Duration timeout) {
    return new GrpcExpertNode("host:9200", server.channel(), HIDDEN, RoundTo.F32, timeout);
  }

  @AfterEach
  void disconnect() {
    node.close();
    server.close();
  }

  @Test
  void execute_dispatch_isSentAsTheContractSays() throws Exception {
    CompletableFuture<ExpertNode.Reply> reply = execute();
    ExecuteRequest request = server.nextStream().next();
    assertThat(reply).isNotDone();
    assertThat(request.getId()).isNotZero();
    assertThat(request.getLayer()).isEqualTo(2);
    assertThat(request.getHidden().getShapeList()).containsExactly(2L, (long) HIDDEN);
    assertThat(request.getHidden().getEpoch()).isEqualTo(17);
    assertThat(request.getResponseDtype()).isEqualTo(DType.DTYPE_F32);
    assertThat(request.getTimeoutMillis()).isEqualTo(30_000);
    assertThat(request.getTraceparent()).isEqualTo("trace");
    assertThat(request.getExperts(1).getExpert()).isEqualTo(9);
    assertThat(request.getExperts(1).getTokensList()).containsExactly(1);
    assertThat(request.getExperts(1).getWeightsList()).containsExactly(0.75f);
  }

  @Test
  void execute_repliesOutOfOrder_eachReachesItsDispatch() throws Exception {
    CompletableFuture<ExpertNode.Reply> first = execute();
    CompletableFuture<ExpertNode.Reply> second = execute();
    assertThat(node.inFlight()).isEqualTo(2);
    ScriptedNode.Stream stream = server.nextStream();
    ExecuteRequest one = stream.next();
    ExecuteRequest two = stream.next();
    assertThat(one.getId()).isNotEqualTo(two.getId());
    stream.answer(two, outputs(2));
    assertThat(computed(second).outputs().get(1, 0)).isEqualTo(2);
    assertThat(first).isNotDone();
    stream.answer(one, outputs(1));
    assertThat(computed(first).outputs().get(1, 0)).isEqualTo(1);
    assertThat(computed(first).queueNanos()).isEqualTo(3);
    assertThat(computed(first).computeNanos()).isEqualTo(4);
    assertThat(node.inFlight()).isZero();
    assertThat(server.hasAnotherStream()).isFalse();
  }

  @Test
  void execute_answersNobodyAskedFor_areIgnored() throws Exception {
    CompletableFuture<ExpertNode.Reply> reply = execute();
    ScriptedNode.Stream stream = server.nextStream();
    ExecuteRequest request = stream.next();
    stream.answer(request.toBuilder().setId(987).build(), outputs(9));
    stream.answer(request.toBuilder().setId(0).build(), outputs(9));
    stream.answer(request, outputs(1));
    stream.answer(request, outputs(8)); // twice
    assertThat(computed(reply).outputs().get(0, 0)).isEqualTo(1);
    CompletableFuture<ExpertNode.Reply> next = execute();
    stream.answer(stream.next(), outputs(3));
    assertThat(computed(next).outputs().get(0, 0)).isEqualTo(3);
  }

  @Test
  void execute_wrongAnswers_areRefusedNamingWhatIsWrong() throws Exception {
    assertWrong(tensor -> tensor.setDtype(DType.DTYPE_BF16), "DTYPE_BF16");
    assertWrong(tensor -> tensor.setDtypeValue(77), "77");
    assertWrong(tensor -> tensor.setShape(0, 3), "[3, 4]", "expected [2, 4]");
    assertWrong(tensor -> tensor.clearShape(), "[]", "expected [2, 4]");
    assertWrong(tensor -> tensor.setData(ByteString.copyFrom(new byte[31])), "31 bytes");
    assertWrong(Tensor.Builder::clear, "UNSPECIFIED");
  }

  private void assertWrong(UnaryOperator<Tensor.Builder> change, String... words) throws Exception {
    try (ScriptedNode fresh = new ScriptedNode()) {
      GrpcExpertNode other =
          new GrpcExpertNode(
              "host:9200", fresh.channel(), HIDDEN, RoundTo.F32, Duration.ofSeconds(30));
      CompletableFuture<ExpertNode.Reply> reply = other.execute(dispatch());
      ScriptedNode.Stream stream = fresh.nextStream();
      stream.answer(stream.next(), change.apply(outputs(1).toBuilder()).build());
      Status why = refused(reply);
      assertThat(why.getCode()).isEqualTo(Status.Code.INTERNAL);
      assertThat(why.getDescription()).contains("host:9200").contains(words);
    }
  }

  @Test
  void execute_answerWithoutOutcome_isRefused() throws Exception {
    CompletableFuture<ExpertNode.Reply> reply = execute();
    ScriptedNode.Stream stream = server.nextStream();
    stream.responses.onNext(ExecuteResponse.newBuilder().setId(stream.next().getId()).build());
    assertThat(refused(reply).getCode()).isEqualTo(Status.Code.INTERNAL);
  }

  @Test
  void execute_refused_keepsCodeAndMessage() throws Exception {
    CompletableFuture<ExpertNode.Reply> reply = execute();
    ScriptedNode.Stream stream = server.nextStream();
    stream.responses.onNext(
        ExecuteResponse.newBuilder()
            .setId(stream.next().getId())
            .setRefused(Refused.newBuilder().setCode(9).setMessage("epoch is 18").setEpoch(18))
            .build());
    assertThat(refused(reply).getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
    assertThat(refused(reply).getDescription()).isEqualTo("host:9200: epoch is 18");
  }

  @Test
  void execute_streamBreaks_allWaitingAreUnavailableAndTheNextReconnects() throws Exception {
    CompletableFuture<ExpertNode.Reply> first = execute();
    CompletableFuture<ExpertNode.Reply> second = execute();
    ScriptedNode.Stream stream = server.nextStream();
    stream.next();
    stream.responses.onError(Status.DATA_LOSS.withDescription("cable").asRuntimeException());
    for (CompletableFuture<ExpertNode.Reply> reply : List.of(first, second)) {
      assertThat(refused(reply).getCode()).isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(refused(reply).getDescription()).contains("host:9200", "DATA_LOSS", "cable");
    }
    assertThat(node.inFlight()).isZero();
    assertServesOverANewStream();
  }

  @Test
  void execute_nodeEndsTheStream_isUnavailableAndTheNextReconnects() throws Exception {
    CompletableFuture<ExpertNode.Reply> reply = execute();
    ScriptedNode.Stream stream = server.nextStream();
    stream.next();
    stream.responses.onCompleted();
    assertThat(refused(reply).getDescription()).contains("ended the stream");
    assertServesOverANewStream();
  }

  @Test
  void execute_streamDeadAtBirth_isUnavailableAtOnceUntilItLives() throws Exception {
    server.deadAtBirth(true);
    for (int i = 0; i < 3; i++) {
      assertThat(refused(execute()).getDescription()).contains("host:9200", "stillborn");
    }
    assertThat(node.inFlight()).isZero();
    server.deadAtBirth(false);
    assertServesOverANewStream();
  }

  @Test
  void execute_streamRefused_isUnavailableUntilItLives() throws Exception {
    server.refuseStreams(true);
    for (int i = 0; i < 3; i++) {
      assertThat(refused(execute()).getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    }
    assertThat(node.inFlight()).isZero();
    server.refuseStreams(false);
    assertServesOverANewStream();
  }

  private void assertServesOverANewStream() throws Exception {
    CompletableFuture<ExpertNode.Reply> reply = execute();
    ScriptedNode.Stream stream = server.nextStream();
    stream.answer(stream.next(), outputs(6));
    assertThat(computed(reply).outputs().get(0, 0)).isEqualTo(6);
  }

  @Test
  void execute_afterClose_isUnavailable() throws Exception {
    node.close();
    assertThat(refused(execute()).getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(node.inFlight()).isZero();
  }

  @Test
  void close_whileDispatchesWait_theyAreUnavailable() throws Exception {
    CompletableFuture<ExpertNode.Reply> reply = execute();
    server.nextStream().next();
    node.close();
    assertThat(refused(reply).getCode()).isEqualTo(Status.Code.UNAVAILABLE);
  }

  @Test
  void execute_noAnswer_isUnavailableAfterTheTimeoutAndALateAnswerIsIgnored() throws Exception {
    GrpcExpertNode impatient = node(Duration.ofMillis(50));
    CompletableFuture<ExpertNode.Reply> reply = impatient.execute(dispatch());
    assertThat(refused(reply).getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(refused(reply).getDescription()).contains("host:9200", "within 50 ms");
    assertThat(impatient.inFlight()).isZero();
    ScriptedNode.Stream stream = server.nextStream();
    stream.answer(stream.next(), outputs(1));
    assertThat(refused(reply).getCode()).isEqualTo(Status.Code.UNAVAILABLE);
  }

  @Test
  void describe_node_isReadWhole() throws Exception {
    server.describeAs(
        DescribeResponse.newBuilder()
            .setNode("expert-3")
            .setModelFingerprint("abc")
            .setDevice("cpu")
            .setEpoch(18)
            .addHeld(LayerExperts.newBuilder().setLayer(2).addExperts(1).addExperts(5))
            .setHiddenSize(64)
            .setMaxTokensPerDispatch(512)
            .setMaxMessageBytes(1024 + 99 * 64 * 4 + 255)
            .setDraining(true)
            .build());
    ExpertNode.Description description = node.describe().get(30, TimeUnit.SECONDS);
    assertThat(description.node()).isEqualTo("expert-3");
    assertThat(description.fingerprint()).isEqualTo("abc");
    assertThat(description.epoch()).isEqualTo(18);
    assertThat(description.held())
        .containsExactlyInAnyOrder(new ExpertId(2, 1), new ExpertId(2, 5));
    assertThat(description.limits()).isEqualTo(new ExpertNode.Limits(64, 512, 99));
    assertThat(description.draining()).isTrue();
  }

  @Test
  void describe_nodeGone_failsWithItsStatus() {
    server.close();
    assertThatThrownBy(() -> node.describe().get(30, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(StatusRuntimeException.class);
  }

  private CompletableFuture<ExpertNode.Reply> execute() {
    return node.execute(dispatch());
  }

  private static ExpertNode.Dispatch dispatch() {
    return new ExpertNode.Dispatch(
        2, 17, F32Matrix.allocate(3, HIDDEN), new int[] {0, 2}, WORK, "trace");
  }

  /** Two rows of a number. */
  private static Tensor outputs(float value) {
    F32Matrix matrix = F32Matrix.allocate(2, HIDDEN);
    for (int column = 0; column < HIDDEN; column++) {
      matrix.set(0, column, value);
      matrix.set(1, column, value);
    }
    return Tensors.encode(matrix, new int[] {0, 1}, RoundTo.F32, 17);
  }

  private static ExpertNode.Computed computed(CompletableFuture<ExpertNode.Reply> reply)
      throws Exception {
    ExpertNode.Reply got = reply.get(30, TimeUnit.SECONDS);
    assertThat(got).isInstanceOf(ExpertNode.Computed.class);
    return (ExpertNode.Computed) got;
  }

  private static Status refused(CompletableFuture<ExpertNode.Reply> reply) throws Exception {
    ExpertNode.Reply got = reply.get(30, TimeUnit.SECONDS);
    assertThat(got).isInstanceOf(ExpertNode.Refused.class);
    return ((ExpertNode.Refused) got).why();
  }
}
