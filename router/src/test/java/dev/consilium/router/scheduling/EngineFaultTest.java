package dev.consilium.router.scheduling;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.router.Heard;
import dev.consilium.router.StepGate;
import dev.consilium.router.TinyEngine;
import dev.consilium.router.TinyEngine.Setup;
import dev.consilium.router.dispatch.ExpertDispatcher;
import dev.consilium.router.dispatch.ExpertOutputs;
import dev.consilium.router.dispatch.LayerDispatch;
import dev.consilium.tensor.F32Matrix;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A fault ends the sequences it met; all others get the tokens they would get alone. */
class EngineFaultTest {
  private static final int[] FIRST = {5};
  private static final int[] SECOND = {200};
  private static final int[] THIRD = {77};
  private static final int TOKENS = 12;

  /** What is done to the outputs of one layer of one step. */
  private interface Harm {
    ExpertOutputs of(LayerDispatch dispatch, ExpertOutputs outputs);
  }

  /** Harms the first layer of the first step that computes three sequences, one token each. */
  private static UnaryOperator<ExpertDispatcher> once(Harm harm) {
    AtomicBoolean done = new AtomicBoolean();
    return experts ->
        dispatch -> {
          ExpertDispatcher.Pending pending = experts.begin(dispatch);
          return () -> {
            ExpertOutputs outputs = pending.await();
            boolean three = tokensOf(dispatch) == 3;
            return three && done.compareAndSet(false, true) ? harm.of(dispatch, outputs) : outputs;
          };
        };
  }

  private static int tokensOf(LayerDispatch dispatch) {
    return (int)
        dispatch.work().stream()
            .flatMapToInt(work -> IntStream.range(0, work.count()).map(work::token))
            .distinct()
            .count();
  }

  /** Three sequences that are in the batch together from one step on, in this order. */
  private static List<Heard> together(UnaryOperator<ExpertDispatcher> before) throws Exception {
    StepGate gate = new StepGate();
    try (TinyEngine tiny =
        Setup.PLAIN.behind(experts -> gate.inFront().apply(before.apply(experts))).start()) {
      List<Heard> heard = new ArrayList<>();
      heard.add(submit(tiny.engine(), FIRST));
      gate.awaitStep();
      heard.add(submit(tiny.engine(), SECOND));
      heard.add(submit(tiny.engine(), THIRD));
      gate.open();
      for (Heard each : heard) {
        while (!each.ended()) {
          Thread.onSpinWait();
        }
      }
      assertStillServesAndIsFree(tiny.engine());
      return heard;
    }
  }

  private static void assertStillServesAndIsFree(Engine engine) throws InterruptedException {
    assertThat(tokensAlone(engine, SECOND)).hasSize(TOKENS);
    engine.close();
    assertThat(engine.load())
        .isEqualTo(new Engine.Load(0, 0, engine.load().totalBlocks(), engine.load().totalBlocks()));
  }

  @Test
  void notANumber_inOneSequence_endsItAlone() throws Exception {
    List<Heard> heard =
        together(
            once((dispatch, outputs) -> {
              for (int i = 0; i < dispatch.work().size(); i++) {
                ExpertTokens work = dispatch.work().get(i);
                for (int place = 0; place < work.count(); place++) {
                  if (work.token(place) == 1) {
                    outputs.matrix(i).set(outputs.firstRow(i) + place, 3, Float.NaN);
                  }
                }
              }
              return outputs;
            }));
    Status why = heard.get(1).awaitFailure();
    assertThat(why.getCode()).isEqualTo(Status.Code.INTERNAL);
    assertThat(why.getDescription()).contains("layer 1", "position 0", "not finite");
    assertThat(heard.get(1).tokens()).isEmpty();
    assertUntouched(heard, 0, 2);
  }

  /** The gate of the last layer has passed: only the logits show that the numbers overflowed. */
  @Test
  void notANumber_inTheLastLayer_endsTheSequenceAlone() throws Exception {
    AtomicBoolean done = new AtomicBoolean();
    UnaryOperator<ExpertDispatcher> before =
        experts ->
            dispatch -> {
              ExpertDispatcher.Pending pending = experts.begin(dispatch);
              return () -> {
                ExpertOutputs outputs = pending.await();
                if (dispatch.layer() == 1
                    && tokensOf(dispatch) == 3
                    && done.compareAndSet(false, true)) {
                  poison(dispatch, outputs, 2);
                }
                return outputs;
              };
            };
    List<Heard> heard = together(before);
    Status why = heard.get(2).awaitFailure();
    assertThat(why.getCode()).isEqualTo(Status.Code.INTERNAL);
    assertThat(why.getDescription()).contains("NaN", "overflowed");
    assertUntouched(heard, 0, 1);
  }

  private static void poison(LayerDispatch dispatch, ExpertOutputs outputs, int token) {
    for (int i = 0; i < dispatch.work().size(); i++) {
      ExpertTokens work = dispatch.work().get(i);
      for (int place = 0; place < work.count(); place++) {
        if (work.token(place) == token) {
          F32Matrix matrix = outputs.matrix(i);
          matrix.set(outputs.firstRow(i) + place, 0, Float.NaN);
        }
      }
    }
  }

  @Test
  void expertFails_onlySequencesThatNeedItEnd() throws Exception {
    List<Integer> needing = new ArrayList<>();
    Status out = Status.UNAVAILABLE.withDescription("expert out of reach");
    List<Heard> heard =
        together(
            once((dispatch, outputs) -> {
              int harmed = entryOfSomeButNotAll(dispatch.work());
              ExpertTokens work = dispatch.work().get(harmed);
              for (int place = 0; place < work.count(); place++) {
                needing.add(work.token(place));
              }
              outputs.failed(harmed, out);
              return outputs;
            }));
    assertThat(needing).hasSizeBetween(1, 2);
    for (int i = 0; i < heard.size(); i++) {
      if (needing.contains(i)) {
        assertThat(heard.get(i).awaitFailure()).isEqualTo(out);
      } else {
        assertUntouched(heard, i);
      }
    }
  }

  private static int entryOfSomeButNotAll(List<ExpertTokens> work) {
    return IntStream.range(0, work.size())
        .filter(i -> work.get(i).count() < 3)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void dispatchThrows_stepEndsWithInternalAndTheEngineGoesOn() throws Exception {
    List<Heard> heard =
        together(
            once((dispatch, outputs) -> {
              throw new IllegalStateException("a defect");
            }));
    assertAllInternal(heard, "a defect");
  }

  @Test
  void dispatchThrowsError_stepEndsWithInternalAndTheEngineGoesOn() throws Exception {
    List<Heard> heard =
        together(
            once((dispatch, outputs) -> {
              throw new StackOverflowError("too deep");
            }));
    assertAllInternal(heard, "too deep");
  }

  private static void assertAllInternal(List<Heard> heard, String words) throws Exception {
    for (Heard each : heard) {
      assertThat(each.awaitFailure().getCode()).isEqualTo(Status.Code.INTERNAL);
      assertThat(each.awaitFailure().getDescription()).contains("step failed", words);
    }
  }

  @Test
  void observerThrows_engineGoesOn() throws Exception {
    AtomicBoolean thrown = new AtomicBoolean();
    EngineObserver throwing =
        new EngineObserver() {
          @Override
          public void stepped(int promptTokens, int generatedTokens, long nanos) {
            if (thrown.compareAndSet(false, true)) {
              throw new IllegalStateException("cannot count");
            }
          }
        };
    try (TinyEngine tiny = Setup.PLAIN.observedBy(throwing).start()) {
      Heard heard = submit(tiny.engine(), FIRST);
      assertThat(heard.awaitFailure().getDescription()).contains("cannot count");
      assertStillServesAndIsFree(tiny.engine());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"onToken", "onFinish", "onFailure"})
  void listenerThrows_onlyItsSequenceEnds(String where) throws Exception {
    StepGate gate = new StepGate();
    try (TinyEngine tiny = Setup.PLAIN.behind(gate.inFront()).start()) {
      ThrowingListener throwing = new ThrowingListener(where);
      tiny.engine().submit(GenerationRequest.greedy(FIRST, 3, Set.of()), throwing);
      gate.awaitStep();
      Heard other = submit(tiny.engine(), SECOND);
      gate.open();
      other.awaitFinish();
      throwing.ended.join();
      assertThat(other.tokens()).isEqualTo(alone(SECOND));
      assertThat(throwing.tokens).isEqualTo(where.equals("onFinish") ? 3 : 1);
      assertStillServesAndIsFree(tiny.engine());
    }
  }

  private static final class ThrowingListener implements GenerationListener {
    final String where;
    final CompletableFuture<Void> ended = new CompletableFuture<>();
    int tokens;

    ThrowingListener(String where) {
      this.where = where;
    }

    @Override
    public void onToken(GeneratedToken token) {
      tokens++;
      if (!where.equals("onFinish")) {
        throw new IllegalStateException("nobody there");
      }
    }

    @Override
    public void onFinish(Finish finish) {
      ended.complete(null);
      throw new IllegalStateException("nobody there");
    }

    @Override
    public void onFailure(Status status) {
      ended.complete(null);
      if (where.equals("onFailure")) {
        throw new IllegalStateException("nobody there");
      }
    }
  }

  private static void assertUntouched(List<Heard> heard, int... which) throws Exception {
    int[][] prompts = {FIRST, SECOND, THIRD};
    for (int i : which) {
      heard.get(i).awaitFinish();
      assertThat(heard.get(i).tokens()).as("sequence %d", i).isEqualTo(alone(prompts[i]));
    }
  }

  private static List<Integer> alone(int[] prompt) throws Exception {
    try (TinyEngine tiny = Setup.PLAIN.start()) {
      return tokensAlone(tiny.engine(), prompt);
    }
  }

  private static List<Integer> tokensAlone(Engine engine, int[] prompt)
      throws InterruptedException {
    Heard heard = submit(engine, prompt);
    heard.awaitFinish();
    return heard.tokens();
  }

  private static Heard submit(Engine engine, int[] prompt) {
    Heard heard = new Heard();
    engine.submit(GenerationRequest.greedy(prompt, TOKENS, Set.of()), heard);
    return heard;
  }
}
