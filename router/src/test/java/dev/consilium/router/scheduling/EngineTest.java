package dev.consilium.router.scheduling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.router.Heard;
import dev.consilium.router.RandomModel;
import dev.consilium.router.StepGate;
import dev.consilium.router.TinyEngine;
import dev.consilium.router.TinyEngine.Setup;
import dev.consilium.router.sampling.SamplingParameters;
import dev.consilium.router.sampling.SamplingParameters.Penalties;
import dev.consilium.router.scheduling.GenerationListener.Reason;
import dev.consilium.router.scheduling.GenerationRequest.Extras;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.opentelemetry.context.Context;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EngineTest {
  private static final int[] PROMPT = {5, 17, 200, 3, 99, 41, 7, 8, 9, 10, 11};
  private static final int VOCABULARY = 320;

  @Test
  void submit_unusablePrompt_isRefusedNamingWhatIsWrong() {
    try (TinyEngine tiny = Setup.PLAIN.start()) {
      Engine engine = tiny.engine();
      int context = engine.contextLength();
      assertThat(context).isEqualTo(512);
      assertRefused(
          () -> submit(engine, new int[context], 1),
          Status.Code.INVALID_ARGUMENT,
          "has 512 tokens",
          "holds 512");
      assertRefused(
          () -> submit(engine, new int[] {1, VOCABULARY}, 1),
          Status.Code.INVALID_ARGUMENT,
          "prompt token 1 is 320",
          "320 tokens");
      assertRefused(
          () -> submit(engine, new int[] {-1}, 1),
          Status.Code.INVALID_ARGUMENT,
          "prompt token 0 is 4294967295");
      assertThatThrownBy(() -> submit(engine, new int[0], 1))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("prompt has no tokens");
      assertThatThrownBy(() -> submit(engine, PROMPT, 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("max_tokens is 0");
    }
  }

  @Test
  void submit_biasOfUnknownToken_isRefused() {
    try (TinyEngine tiny = Setup.PLAIN.start()) {
      SamplingParameters biased =
          new SamplingParameters(0, 0, 1, 0, Penalties.NONE, Map.of(VOCABULARY, 1f), 0);
      GenerationRequest request =
          new GenerationRequest(PROMPT, 1, Set.of(), biased, Extras.NONE, Context.root());
      assertRefused(
          () -> tiny.engine().submit(request, new Heard()),
          Status.Code.INVALID_ARGUMENT,
          "logit_bias token is 320");
    }
  }

  @Test
  void submit_cacheSmallerThanContext_boundsTheSequence() throws Exception {
    try (TinyEngine tiny = Setup.PLAIN.withBlocks(2).start()) {
      assertThat(tiny.engine().contextLength()).isEqualTo(32);
      Heard heard = submit(tiny.engine(), new int[29], 100);
      assertThat(heard.awaitFinish().reason()).isEqualTo(Reason.LENGTH);
      assertThat(heard.tokens()).hasSize(3);
    }
  }

  @Test
  void submit_maxTokens_endsWithLength() throws Exception {
    try (TinyEngine tiny = Setup.PLAIN.start()) {
      Heard heard = submit(tiny.engine(), PROMPT, 1);
      GenerationListener.Finish finish = heard.awaitFinish();
      assertThat(finish.reason()).isEqualTo(Reason.LENGTH);
      assertThat(finish.promptTokens()).isEqualTo(PROMPT.length);
      assertThat(finish.completionTokens()).isEqualTo(1);
      assertThat(heard.tokens()).hasSize(1);
      assertAllFree(tiny.engine());
    }
  }

  @Test
  void submit_stopToken_endsBeforeItAndIsNotSent() throws Exception {
    try (TinyEngine tiny = Setup.PLAIN.start()) {
      List<Integer> all = alone(tiny.engine(), PROMPT, 20);
      int stopAt = all.size() - 1;
      while (all.indexOf(all.get(stopAt)) != stopAt || stopAt == 0) {
        stopAt--; // the last token that has not come before
      }
      Heard heard = new Heard();
      tiny.engine().submit(GenerationRequest.greedy(PROMPT, 20, Set.of(all.get(stopAt))), heard);
      GenerationListener.Finish finish = heard.awaitFinish();
      assertThat(finish.reason()).isEqualTo(Reason.STOP);
      assertThat(finish.completionTokens()).isEqualTo(stopAt);
      assertThat(heard.tokens()).isEqualTo(all.subList(0, stopAt));
      assertAllFree(tiny.engine());
    }
  }

  @Test
  void submit_firstTokenStops_finishHasNoTimeToFirstToken() throws Exception {
    try (TinyEngine tiny = Setup.PLAIN.start()) {
      int first = alone(tiny.engine(), PROMPT, 1).getFirst();
      Heard heard = new Heard();
      tiny.engine().submit(GenerationRequest.greedy(PROMPT, 20, Set.of(first)), heard);
      assertThat(heard.awaitFinish().toFirstToken()).isEqualTo(Duration.ZERO);
      assertThat(heard.awaitFinish().decoding()).isEqualTo(Duration.ZERO);
      assertThat(heard.tokens()).isEmpty();
    }
  }

  @Test
  void submit_extras_bringLogprobsAndExperts() throws Exception {
    try (TinyEngine tiny = Setup.PLAIN.start()) {
      Heard heard = new Heard();
      tiny.engine()
          .submit(
              new GenerationRequest(
                  PROMPT,
                  3,
                  Set.of(),
                  SamplingParameters.GREEDY,
                  new Extras(OptionalInt.of(4), true),
                  Context.root()),
              heard);
      heard.awaitFinish();
      for (GenerationListener.GeneratedToken token : heard.details()) {
        assertThat(token.logprobs().orElseThrow().top()).hasSize(4);
        assertThat(token.logprobs().orElseThrow().top().getFirst().token()).isEqualTo(token.id());
        assertThat(token.experts()).extracting(chosen -> chosen.layer()).containsExactly(0, 1);
        assertThat(token.experts()).allMatch(chosen -> chosen.experts().size() == 2);
      }
    }
  }

  @Test
  void submit_seed_givesSameTokensInAnyBatch() throws Exception {
    try (TinyEngine tiny = Setup.PLAIN.start()) {
      Heard alone = drawn(tiny.engine(), 7);
      alone.awaitFinish();
      List<Heard> others = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        others.add(drawn(tiny.engine(), i));
      }
      Heard together = drawn(tiny.engine(), 7);
      together.awaitFinish();
      assertThat(together.tokens()).isEqualTo(alone.tokens());
      others.getFirst().awaitFinish();
      assertThat(others.getFirst().tokens()).isNotEqualTo(alone.tokens());
    }
  }

  private static Heard drawn(Engine engine, long seed) {
    Heard heard = new Heard();
    SamplingParameters parameters =
        new SamplingParameters(1.5f, 0, 0.95f, 0, Penalties.NONE, Map.of(), seed);
    engine.submit(
        new GenerationRequest(PROMPT, 20, Set.of(), parameters, Extras.NONE, Context.root()),
        heard);
    return heard;
  }

  @Test
  void submit_queueFull_isRefusedUntilSomebodyLeaves() throws Exception {
    StepGate gate = new StepGate();
    try (TinyEngine tiny =
        Setup.PLAIN.withRunning(1).withWaiting(2).behind(gate.inFront()).start()) {
      Engine engine = tiny.engine();
      Heard running = submit(engine, PROMPT, 50);
      gate.awaitStep();
      Heard cancelled = new Heard();
      Engine.Handle handle =
          engine.submit(GenerationRequest.greedy(PROMPT, 1, Set.of()), cancelled);
      Heard waiting = submit(engine, PROMPT, 1);
      assertRefused(
          () -> submit(engine, PROMPT, 1),
          Status.Code.RESOURCE_EXHAUSTED,
          "2 requests wait",
          "consilium.router.waiting-limit");
      handle.cancel();
      handle.cancel(); // any number of times
      gate.nextStep();
      Heard next = submit(engine, PROMPT, 1);
      gate.open();
      waiting.awaitFinish();
      next.awaitFinish();
      running.awaitFinish();
      assertThat(cancelled.ended()).isFalse();
      assertThat(cancelled.tokens()).isEmpty();
      assertAllFree(engine);
    }
  }

  @Test
  void cancel_running_freesItsBlocksWithinOneStep() throws Exception {
    StepGate gate = new StepGate();
    try (TinyEngine tiny = Setup.PLAIN.behind(gate.inFront()).start()) {
      Engine engine = tiny.engine();
      Heard cancelled = new Heard();
      Engine.Handle handle =
          engine.submit(GenerationRequest.greedy(new int[100], 50, Set.of()), cancelled);
      gate.awaitStep();
      Heard other = submit(engine, PROMPT, 50);
      gate.nextStep(); // both run
      handle.cancel();
      gate.nextStep(); // the first one without it
      gate.nextStep(); // now its load is published
      assertThat(engine.load().running()).isEqualTo(1);
      assertThat(engine.load().freeBlocks()).isEqualTo(engine.load().totalBlocks() - 1);
      gate.open();
      other.awaitFinish();
      assertThat(cancelled.ended()).isFalse();
      assertAllFree(engine);
    }
  }

  @Test
  void submit_tinyPool_preemptsAndGivesTheTokensOfARequestAlone() throws Exception {
    preemptAndCompare(Setup.PLAIN);
  }

  /** What gave way begins again with a state of zeros. */
  @Test
  void submit_tinyPoolAndRecurrentLayers_givesTheTokensOfARequestAlone(@TempDir Path directory)
      throws Exception {
    RandomModel.write(directory, RandomModel.DELTA_NET, 5);
    preemptAndCompare(Setup.PLAIN.withModel(directory));
  }

  private static void preemptAndCompare(Setup setup) throws Exception {
    AtomicInteger preempted = new AtomicInteger();
    EngineObserver counting =
        new EngineObserver() {
          @Override
          public void preempted() {
            preempted.incrementAndGet();
          }
        };
    List<int[]> prompts = prompts(6, 20);
    List<List<Integer>> alone = new ArrayList<>();
    try (TinyEngine tiny = setup.start()) {
      for (int[] prompt : prompts) {
        alone.add(alone(tiny.engine(), prompt, 40));
      }
    }
    try (TinyEngine tiny = setup.withBlocks(7).observedBy(counting).start()) {
      List<Heard> together = new ArrayList<>();
      for (int[] prompt : prompts) {
        together.add(submit(tiny.engine(), prompt, 40));
      }
      for (int i = 0; i < together.size(); i++) {
        together.get(i).awaitFinish();
        assertThat(together.get(i).tokens()).as("prompt %d", i).isEqualTo(alone.get(i));
      }
      assertThat(preempted).hasPositiveValue();
      assertAllFree(tiny.engine());
    }
  }

  @Test
  void stepped_requests_countsPromptAndGeneratedTokensExactly() throws Exception {
    AtomicInteger prompt = new AtomicInteger();
    AtomicInteger generated = new AtomicInteger();
    EngineObserver counting =
        new EngineObserver() {
          @Override
          public void stepped(int promptTokens, int generatedTokens, long nanos) {
            prompt.addAndGet(promptTokens);
            generated.addAndGet(generatedTokens);
          }
        };
    try (TinyEngine tiny = Setup.PLAIN.observedBy(counting).start()) {
      alone(tiny.engine(), new int[] {1}, 5); // a prompt of one token looks like decoding
      alone(tiny.engine(), new int[17], 4); // chunks of 8, 8 and 1
      assertAllFree(tiny.engine());
      assertThat(prompt).hasValue(1 + 17);
      assertThat(generated).hasValue(5 + 4);
    }
  }

  @Test
  void drain_accepted_endAndNewOnesAreRefused() throws Exception {
    StepGate gate = new StepGate();
    try (TinyEngine tiny = Setup.PLAIN.behind(gate.inFront()).start()) {
      Engine engine = tiny.engine();
      Heard running = submit(engine, PROMPT, 5);
      gate.awaitStep();
      Heard waiting = submit(engine, PROMPT, 5);
      assertThat(engine.drain(Duration.ZERO)).isFalse();
      assertThat(engine.draining()).isTrue();
      assertRefused(() -> submit(engine, PROMPT, 1), Status.Code.UNAVAILABLE, "draining");
      gate.open();
      assertThat(engine.drain(Duration.ofSeconds(Long.MAX_VALUE))).isTrue();
      assertThat(running.tokens()).hasSize(5);
      assertThat(waiting.tokens()).hasSize(5);
    }
  }

  @Test
  void close_runningAndWaiting_endWithUnavailable() throws Exception {
    StepGate gate = new StepGate();
    try (TinyEngine tiny = Setup.PLAIN.withRunning(1).behind(gate.inFront()).start()) {
      Engine engine = tiny.engine();
      Heard running = submit(engine, PROMPT, 400);
      gate.awaitStep();
      Heard waiting = submit(engine, PROMPT, 5);
      CompletableFuture<Void> closed = CompletableFuture.runAsync(engine::close);
      while (!engine.draining()) {
        Thread.onSpinWait();
      }
      gate.open();
      closed.join();
      assertThat(running.awaitFailure().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(waiting.awaitFailure().getDescription()).contains("was stopped");
      assertAllFree(engine);
      assertRefused(() -> submit(engine, PROMPT, 1), Status.Code.UNAVAILABLE, "draining");
    }
  }

  @Test
  void close_whileOthersSubmit_everyAcceptedRequestEnds() throws Exception {
    for (int round = 0; round < 10; round++) {
      List<Heard> accepted = new ArrayList<>();
      try (TinyEngine tiny = Setup.PLAIN.withWaiting(1_000_000).start()) {
        CompletableFuture<Void> submitter =
            CompletableFuture.runAsync(() -> {
              try {
                while (true) {
                  accepted.add(submit(tiny.engine(), PROMPT, 2));
                }
              } catch (StatusRuntimeException e) {
                assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
              }
            });
        tiny.engine().close();
        submitter.join();
      }
      assertThat(accepted).allMatch(Heard::ended);
    }
  }

  @Test
  void submitAndCancel_fromManyThreads_poolIsFreeAtTheEnd() throws Exception {
    List<int[]> prompts = prompts(5, 30);
    List<List<Integer>> alone = new ArrayList<>();
    try (TinyEngine tiny = Setup.PLAIN.start()) {
      for (int[] prompt : prompts) {
        alone.add(alone(tiny.engine(), prompt, 12));
      }
    }
    try (TinyEngine tiny = Setup.PLAIN.withBlocks(9).withWaiting(500).start()) {
      List<CompletableFuture<Void>> clients = new ArrayList<>();
      for (int client = 0; client < 8; client++) {
        SplittableRandom random = new SplittableRandom(client);
        clients.add(
            CompletableFuture.runAsync(
                () -> ask(tiny.engine(), random, prompts, alone),
                task -> Thread.ofPlatform().start(task)));
      }
      clients.forEach(CompletableFuture::join);
      assertThat(tiny.engine().drain(Duration.ofSeconds(30))).isTrue();
      assertAllFree(tiny.engine());
    }
  }

  /** 25 requests; a third is cancelled at once, a third after a token. */
  private static void ask(
      Engine engine, SplittableRandom random, List<int[]> prompts, List<List<Integer>> alone) {
    try {
      for (int i = 0; i < 25; i++) {
        int prompt = random.nextInt(prompts.size());
        Heard heard = new Heard();
        Engine.Handle handle =
            engine.submit(GenerationRequest.greedy(prompts.get(prompt), 12, Set.of()), heard);
        switch (random.nextInt(3)) {
          case 0 -> handle.cancel();
          case 1 -> {
            heard.awaitFirstToken();
            handle.cancel();
          }
          default -> heard.awaitFinish();
        }
        List<Integer> tokens = heard.tokens();
        assertThat(tokens).isEqualTo(alone.get(prompt).subList(0, tokens.size()));
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<int[]> prompts(int count, int length) {
    SplittableRandom random = new SplittableRandom(11);
    List<int[]> prompts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      prompts.add(random.ints(length + i, 0, VOCABULARY).toArray());
    }
    return prompts;
  }

  private static Heard submit(Engine engine, int[] prompt, int maxTokens) {
    Heard heard = new Heard();
    engine.submit(GenerationRequest.greedy(prompt, maxTokens, Set.of()), heard);
    return heard;
  }

  private static List<Integer> alone(Engine engine, int[] prompt, int maxTokens)
      throws InterruptedException {
    Heard heard = submit(engine, prompt, maxTokens);
    heard.awaitFinish();
    return heard.tokens();
  }

  private static void assertRefused(ThrowingCallable call, Status.Code code, String... words) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            refused -> {
              assertThat(refused.getStatus().getCode()).isEqualTo(code);
              assertThat(refused.getStatus().getDescription()).contains(words);
            });
  }

  /** Stops the engine, so that the load is that of its last step. */
  private static void assertAllFree(Engine engine) {
    engine.close();
    assertThat(engine.load())
        .isEqualTo(new Engine.Load(0, 0, engine.load().totalBlocks(), engine.load().totalBlocks()));
  }
}
