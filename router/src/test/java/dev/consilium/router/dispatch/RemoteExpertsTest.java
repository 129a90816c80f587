package dev.consilium.router.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.placement.NodeWork;
import dev.consilium.router.dispatch.RemoteExperts.DispatchTracer;
import dev.consilium.serving.Target;
import dev.consilium.tensor.F32Matrix;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Nodes a and b; the dispatch is for experts 0 (tokens 1, 4), 2 (tokens 0, 4) and 3 (token 2). */
@Timeout(60)
class RemoteExpertsTest {
  private static final List<ExpertTokens> WORK =
      List.of(
          new ExpertTokens(0, new int[] {1, 4}, new float[] {1, 0.5f}),
          new ExpertTokens(2, new int[] {0, 4}, new float[] {1, 2}),
          new ExpertTokens(3, new int[] {2}, new float[] {1}));

  private final FakeNode a = new FakeNode("a:1").holding(7, 0, 1, 2);
  private final FakeNode b = new FakeNode("b:2").holding(9, 3);
  private final RecordingTracer tracer = new RecordingTracer();
  private final NodeDirectory directory =
      new NodeDirectory(
          List.of(new Target("a", 1, false), new Target("b", 2, false)),
          target -> target.host().equals("a") ? a : b,
          new NodeDirectory.Expectations(
              FakeNode.FINGERPRINT,
              FakeNode.HIDDEN,
              FakeNode.TOKENS,
              new TreeMap<>(Map.of(FakeNode.LAYER, 4))),
          Duration.ofSeconds(10));

  @AfterEach
  void everySpanEnded() {
    assertThat(tracer.ended).hasSize(tracer.begun);
    directory.close();
  }

  @Test
  void begin_expertsOnTwoNodes_sendsEachItsRowsOnce() {
    ExpertOutputs outputs = dispatch();
    assertAllComputed(outputs);
    assertThat(outputs.node(0)).isEqualTo("a");
    assertThat(outputs.node(2)).isEqualTo("b");
    ExpertNode.Dispatch toA = a.executed.getFirst();
    assertThat(toA.epoch()).isEqualTo(7);
    assertThat(toA.layer()).isEqualTo(FakeNode.LAYER);
    assertThat(toA.rows()).containsExactly(0, 1, 4);
    assertThat(tokens(toA.work().get(0))).containsExactly(1, 2); // rows 1 and 4 among those sent
    assertThat(tokens(toA.work().get(1))).containsExactly(0, 2);
    assertThat(b.executed.getFirst().rows()).containsExactly(2);
    assertThat(a.executed).hasSize(1);
    assertThat(b.executed).hasSize(1);
  }

  @Test
  void begin_answerTooLargeForOneMessage_dividesByExpert() {
    a.holdingAndAnswering(FakeNode.TOKENS, 0, 1, 2, 3);
    List<ExpertTokens> work =
        List.of(everyToken(0, 40), everyToken(1, 24), everyToken(2, 1), everyToken(3, 64));
    F32Matrix hidden = F32Matrix.allocate(FakeNode.TOKENS, FakeNode.HIDDEN);
    directory.look();
    ExpertOutputs outputs =
        new RemoteExperts(directory, tracer, Duration.ofSeconds(30))
            .begin(new LayerDispatch(FakeNode.LAYER, hidden, work, List.of()))
            .await();
    assertThat(a.executed)
        .extracting(dispatch -> dispatch.work().stream().map(ExpertTokens::expert).toList())
        .containsExactly(List.of(0, 1), List.of(2), List.of(3));
    for (int i = 0; i < work.size(); i++) {
      assertThat(outputs.matrix(i).get(outputs.firstRow(i), 0)).isEqualTo(100f * i);
    }
  }

  private static ExpertTokens everyToken(int expert, int count) {
    float[] weights = new float[count];
    Arrays.fill(weights, 1);
    return new ExpertTokens(expert, IntStream.range(0, count).toArray(), weights);
  }

  @Test
  void await_epochChanged_looksAgainAndResendsThatPartOnly() {
    directory.look();
    a.holding(8, 0, 1, 2);
    a.answer =
        dispatch ->
            dispatch.epoch() == 8
                ? FakeNode.compute(dispatch)
                : new ExpertNode.Refused(Status.FAILED_PRECONDITION);
    assertAllComputed(begin().await());
    assertThat(a.executed).extracting(ExpertNode.Dispatch::epoch).containsExactly(7L, 8L);
    assertThat(b.executed).hasSize(1);
  }

  @Test
  void await_expertMoved_asksItsNewNode() {
    directory.look();
    a.holding(8, 1).refusing(Status.NOT_FOUND);
    b.holding(10, 0, 2, 3);
    ExpertOutputs outputs = begin().await();
    assertAllComputed(outputs);
    assertThat(outputs.node(1)).isEqualTo("b");
  }

  @Test
  void await_overloadedForAMoment_triesAgain() {
    a.answer =
        dispatch ->
            a.executed.size() < 3
                ? new ExpertNode.Refused(Status.RESOURCE_EXHAUSTED)
                : FakeNode.compute(dispatch);
    assertAllComputed(dispatch());
    assertThat(a.executed).hasSize(3);
  }

  @Test
  void await_overloadedForGood_failsAfterSomeAttempts() {
    a.refusing(Status.RESOURCE_EXHAUSTED.withDescription("queue of 4 is full"));
    ExpertOutputs outputs = dispatch();
    assertFailed(outputs, 0, Status.Code.UNAVAILABLE, "layer 3 expert 0", "queue of 4 is full");
    assertFailed(outputs, 1, Status.Code.UNAVAILABLE, "layer 3 expert 2");
    assertThat(outputs.failure(2)).isEmpty();
    assertThat(a.executed).hasSizeBetween(2, 10);
  }

  @Test
  void await_nodeGoneWithReplica_replicaComputes() {
    b.holding(9, 0, 2, 3);
    directory.look();
    a.gone();
    // Both hold two of the three, so a was chosen for 0 and 2 if it is asked at all.
    ExpertOutputs outputs = begin().await();
    assertAllComputed(outputs);
    assertThat(List.of(outputs.node(0), outputs.node(1), outputs.node(2))).containsOnly("b");
  }

  @Test
  void await_nodeGoneWithoutReplica_onlyItsExpertsFail() {
    directory.look();
    a.gone();
    ExpertOutputs outputs = begin().await();
    assertFailed(outputs, 0, Status.Code.UNAVAILABLE, "layer 3 expert 0", "[0, 2]", "[b]");
    assertFailed(outputs, 1, Status.Code.UNAVAILABLE, "layer 3 expert 2");
    assertThat(outputs.failure(2)).isEmpty();
  }

  @Test
  void begin_expertOnNoNode_othersAreComputed() {
    a.holding(7, 0, 1);
    ExpertOutputs outputs = dispatch();
    assertFailed(outputs, 1, Status.Code.UNAVAILABLE, "layer 3 expert 2");
    assertThat(outputs.failure(0)).isEmpty();
    assertThat(outputs.failure(2)).isEmpty();
    assertThat(a.executed).hasSize(1);
  }

  @Test
  void await_nodeAppearsMeanwhile_isAsked() {
    a.gone();
    directory.look();
    a.holding(7, 0, 2);
    a.answer = FakeNode::compute;
    assertAllComputed(begin().await());
  }

  /** Codes that say nothing about another attempt: the node's or our defect, and no one else's. */
  @ParameterizedTest
  @EnumSource(
      value = Status.Code.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {
        "FAILED_PRECONDITION",
        "NOT_FOUND",
        "RESOURCE_EXHAUSTED",
        "UNAVAILABLE",
        "DEADLINE_EXCEEDED"
      })
  void await_defect_failsOnceAsInternalNamingLayerExpertNode(Status.Code code) {
    b.refusing(code.toStatus().withDescription("weights are gone"));
    ExpertOutputs outputs = dispatch();
    assertFailed(
        outputs,
        2,
        Status.Code.INTERNAL,
        "layer 3 expert 3",
        "node b",
        code.name(),
        "weights are gone");
    assertThat(outputs.failure(0)).isEmpty();
    assertThat(b.executed).hasSize(1);
  }

  @Test
  void await_nodeThatNeverAnswers_endsWithOurPatience() {
    CompletableFuture<ExpertNode.Reply> never = new CompletableFuture<>();
    b.whenever = dispatch -> never;
    directory.look();
    RemoteExperts impatient = new RemoteExperts(directory, tracer, Duration.ofMillis(100));
    ExpertOutputs outputs = impatient.begin(layerDispatch()).await();
    assertFailed(
        outputs, 2, Status.Code.UNAVAILABLE, "layer 3 expert 3", "node b", "within 100 ms");
    assertThat(outputs.failure(0)).isEmpty();
    never.complete(FakeNode.compute(b.executed.getFirst())); // too late to change anything
    assertThat(outputs.failure(2)).isPresent();
  }

  @Test
  void await_answersInAnyOrder_eachLandsAtItsExpert() {
    CompletableFuture<ExpertNode.Reply> ofA = new CompletableFuture<>();
    a.whenever = dispatch -> ofA;
    directory.look();
    ExpertDispatcher.Pending pending = begin(); // b has answered, a has not
    ofA.completeAsync(() -> FakeNode.compute(a.executed.getFirst()));
    assertAllComputed(pending.await());
  }

  private ExpertOutputs dispatch() {
    directory.look();
    return begin().await();
  }

  private ExpertDispatcher.Pending begin() {
    return new RemoteExperts(directory, tracer, Duration.ofSeconds(30)).begin(layerDispatch());
  }

  private static LayerDispatch layerDispatch() {
    F32Matrix hidden = F32Matrix.allocate(5, FakeNode.HIDDEN);
    for (int token = 0; token < 5; token++) {
      hidden.set(token, 0, token);
    }
    return new LayerDispatch(FakeNode.LAYER, hidden, WORK, List.of());
  }

  private static void assertAllComputed(ExpertOutputs outputs) {
    for (int i = 0; i < WORK.size(); i++) {
      assertThat(outputs.failure(i)).as("entry %d", i).isEmpty();
      ExpertTokens work = WORK.get(i);
      for (int place = 0; place < work.count(); place++) {
        assertThat(outputs.matrix(i).get(outputs.firstRow(i) + place, 0))
            .isEqualTo((100 * work.expert() + work.token(place)) * work.weight(place));
      }
    }
  }

  private static void assertFailed(
      ExpertOutputs outputs, int entry, Status.Code code, String... words) {
    Status failure = outputs.failure(entry).orElseThrow();
    assertThat(failure.getCode()).isEqualTo(code);
    assertThat(failure.getDescription()).contains(words);
  }

  private static List<Integer> tokens(ExpertTokens work) {
    List<Integer> tokens = new ArrayList<>();
    for (int place = 0; place < work.count(); place++) {
      tokens.add(work.token(place));
    }
    return tokens;
  }

  private static final class RecordingTracer implements DispatchTracer {
    int begun;
    final List<ExpertNode.Reply> ended = new ArrayList<>();

    @Override
    public Spans begin(LayerDispatch dispatch, NodeWork node, BitSet rows) {
      begun++;
      return new Spans() {
        @Override
        public String traceparent() {
          return "";
        }

        @Override
        public void end(ExpertNode.Reply reply) {
          ended.add(reply);
        }
      };
    }
  }
}
