package dev.consilium.router.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.router.Router;
import dev.consilium.router.RouterOptions;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.scheduling.EngineObserver;
import dev.consilium.testkit.Fixtures;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Speeds are not looked at: what is computed is. */
class SpeedTestTest {
  // The fixture, bf16: hidden 64, 2 layers, 4 query and 2 key/value heads of 16, 8 experts of 96
  // of which 2 are chosen, vocabulary 320. Matrices take whole panels of 64 rows.
  private static final long ATTENTION = 128 * 64 * 2 + 64 * 64 * 2;
  private static final long GATE = 64 * 64 * 2; // 8 rows
  private static final long HEAD = 320 * 64 * 2;
  private static final long EXPERT = 192 * 64 * 2 + 64 * 96 * 2;
  private static final long EVERY_STEP = 2 * (ATTENTION + GATE) + HEAD;

  private final Checkpoint checkpoint = Checkpoint.open(Fixtures.model("mixtral"));
  private final Utilisation utilisation = new Utilisation();
  private final Router router =
      Router.open(
          checkpoint,
          RouterOptions.inProcess(2).withKvCacheTokens(1024),
          utilisation,
          EngineObserver.NONE);

  @AfterEach
  void close() {
    router.close();
    checkpoint.close();
  }

  @Test
  void repeat_decodeOfOneSequence_countsTheBytesOfEachStep() {
    Timing timing = repeat(new Workload.Decode(5, 1, 20));
    assertThat(timing.tokens()).isEqualTo(5);
    assertThat(timing.nanos()).isPositive();
    assertThat(timing.weightBytes()).isEqualTo(5 * (EVERY_STEP + 2 * 2 * EXPERT));
  }

  @Test
  void repeat_decodeOfManySequences_countsExpertsOnceForAStep() {
    Timing timing = repeat(new Workload.Decode(3, 40, 2));
    assertThat(timing.tokens()).isEqualTo(120);
    // 40 tokens choose 80 times among 8: all of them, or the odds would be one in thousands.
    assertThat(timing.weightBytes()).isEqualTo(3 * (EVERY_STEP + 2 * 8 * EXPERT));
  }

  @Test
  void repeat_prefillLongerThanAStep_computesEveryTokenOnce() {
    Timing timing = repeat(new Workload.Prefill(500, 12));
    assertThat(timing.tokens()).isEqualTo(500);
    assertThat(timing.weightBytes()).isZero();
    long chosen = utilisation.counts().stream().mapToLong(Utilisation.Count::tokens).sum();
    assertThat(chosen).isEqualTo(512L * 2 * 2); // tokens, layers, experts of each
  }

  @Test
  void prepare_manySequencesAndDepth_fillsEachOnce() {
    try (SpeedTest test = prepare(new Workload.Decode(1, 7, 100))) {
      long chosen = utilisation.counts().stream().mapToLong(Utilisation.Count::tokens).sum();
      assertThat(chosen).isEqualTo(700L * 2 * 2);
      test.repeat();
      test.repeat();
      chosen = utilisation.counts().stream().mapToLong(Utilisation.Count::tokens).sum();
      assertThat(chosen).isEqualTo(714L * 2 * 2);
    }
  }

  @Test
  void close_afterATest_givesTheCacheBack() {
    int before = router.pool().freeBlocks();
    try (SpeedTest test = prepare(new Workload.Decode(1, 3, 40))) {
      test.repeat();
      assertThat(router.pool().freeBlocks()).isEqualTo(before - 9);
    }
    assertThat(router.pool().freeBlocks()).isEqualTo(before);
  }

  @Test
  void prepare_moreThanThePoolHolds_givesBackWhatItTook() {
    int before = router.pool().freeBlocks();
    assertThatThrownBy(() -> prepare(new Workload.Decode(1, 3, 400)))
        .isInstanceOf(IllegalStateException.class);
    assertThat(router.pool().freeBlocks()).isEqualTo(before);
  }

  private Timing repeat(Workload workload) {
    try (SpeedTest test = prepare(workload)) {
      return test.repeat();
    }
  }

  private SpeedTest prepare(Workload workload) {
    Map<Integer, Long> expertBytes = SpeedTest.expertBytes(checkpoint);
    return SpeedTest.prepare(router, expertBytes, workload, new SplittableRandom(1));
  }
}
