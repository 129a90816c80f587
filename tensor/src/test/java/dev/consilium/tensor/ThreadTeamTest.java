package dev.consilium.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60) // a lost wake-up shows as a hang
class ThreadTeamTest {

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8})
  void run_thousandsOfRegions_everyTaskOnce(int threads) {
    try (ThreadTeam team = new ThreadTeam("test", threads)) {
      for (int region = 0; region < 5000; region++) {
        int tasks = region % 7;
        AtomicIntegerArray calls = new AtomicIntegerArray(7);
        team.run(tasks, calls::incrementAndGet);
        for (int task = 0; task < 7; task++) {
          assertThat(calls.get(task)).isEqualTo(task < tasks ? 1 : 0);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8})
  void runStretches_thousandsOfRegions_everyTaskOnce(int threads) {
    try (ThreadTeam team = new ThreadTeam("test", threads)) {
      for (int region = 0; region < 5000; region++) {
        int tasks = region % 23;
        AtomicIntegerArray calls = new AtomicIntegerArray(23);
        team.runStretches(tasks, calls::incrementAndGet);
        for (int task = 0; task < 23; task++) {
          assertThat(calls.get(task)).isEqualTo(task < tasks ? 1 : 0);
        }
      }
    }
  }

  @Test
  void runStretches_threadHeldUp_othersRunItsStretch() {
    try (ThreadTeam team = new ThreadTeam("test", 2)) {
      CountDownLatch others = new CountDownLatch(9);
      // The first task lasts until all others ended: the second thread must run them.
      team.runStretches(
          10,
          task -> {
            if (task == 0) {
              await(others);
            } else {
              others.countDown();
            }
          });
    }
  }

  @Test
  void whileIdle_callerAndWorkerWait_bothDoTheWork() {
    try (ThreadTeam team = new ThreadTeam("test", 2)) {
      CountDownLatch both = new CountDownLatch(2);
      List<CountDownLatch> idle = List.of(new CountDownLatch(1), new CountDownLatch(1));
      team.whileIdle(thread -> {
        idle.get(thread).countDown();
        return false;
      });
      Thread caller = Thread.currentThread();
      team.run(
          2,
          task -> {
            meet(both); // each thread has one task
            if (!Thread.currentThread().equals(caller)) {
              await(idle.get(0));
            }
          });
      await(idle.get(1));
    }
  }

  @Test
  void run_plainWritesOfTasks_areSeenByTheCaller() {
    try (ThreadTeam team = new ThreadTeam("test", 3)) {
      int[] values = new int[64];
      for (int region = 1; region <= 3000; region++) {
        int round = region;
        team.run(64, task -> values[task] = round);
        assertThat(Arrays.stream(values).allMatch(value -> value == round)).isTrue();
      }
    }
  }

  @Test
  void run_workersParked_wakesThem() throws Exception {
    try (ThreadTeam team = new ThreadTeam("parked", 2)) {
      for (int i = 0; i < 50; i++) {
        awaitParked("parked-1");
        CountDownLatch both = new CountDownLatch(2);
        // Each task waits for the other: only two threads can end the region.
        team.run(2, task -> meet(both));
      }
    }
  }

  private static void meet(CountDownLatch both) {
    both.countDown();
    await(both);
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void awaitParked(String name) {
    Thread thread =
        Thread.getAllStackTraces().keySet().stream()
            .filter(t -> t.getName().equals(name))
            .findFirst()
            .orElseThrow();
    while (thread.getState() != Thread.State.WAITING) {
      Thread.onSpinWait();
    }
    assertThat(thread.isDaemon()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4})
  void run_someTasksFail_othersRunAndFailuresAreThrown(int threads) {
    try (ThreadTeam team = new ThreadTeam("test", threads)) {
      AtomicInteger calls = new AtomicInteger();
      assertThatThrownBy(() ->
              team.run(
                  100,
                  task -> {
                    calls.incrementAndGet();
                    if (task % 50 == 7) {
                      throw new IllegalArgumentException("task " + task);
                    }
                  }))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageMatching("task (7|57)")
          .satisfies(e -> assertThat(e.getSuppressed()).hasSize(1));
      assertThat(calls).hasValue(100);
      team.run(10, task -> calls.incrementAndGet());
      assertThat(calls).hasValue(110);
    }
  }

  @Test
  void run_sameErrorEverywhere_isThrownOnce() {
    AssertionError error = new AssertionError("same");
    try (ThreadTeam team = new ThreadTeam("test", 2)) {
      assertThatThrownBy(() ->
              team.run(
                  1000,
                  task -> {
                    throw error;
                  }))
          .isSameAs(error)
          .hasNoSuppressedExceptions();
    }
  }

  @SuppressWarnings("try") // closing from a task is what is tested
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void run_insideATask_isRefused(int threads) {
    try (ThreadTeam team = new ThreadTeam("nested", threads);
        ThreadTeam other = new ThreadTeam("other", threads)) {
      assertThatThrownBy(() -> team.run(4, task -> team.run(1, inner -> {})))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("nested");
      assertThatThrownBy(() -> team.run(1, task -> team.close()))
          .isInstanceOf(IllegalStateException.class);
      AtomicInteger calls = new AtomicInteger();
      team.run(3, task -> other.run(2, inner -> calls.incrementAndGet()));
      assertThat(calls).hasValue(6);
    }
  }

  @Test
  void run_fromManyThreads_oneRegionAfterAnother() throws Exception {
    AtomicInteger inside = new AtomicInteger();
    AtomicInteger calls = new AtomicInteger();
    try (ThreadTeam team = new ThreadTeam("shared", 2);
        ExecutorService callers = Executors.newFixedThreadPool(4)) {
      List<? extends Future<?>> ends =
          IntStream.range(0, 4)
              .mapToObj(caller -> callers.submit(() -> runOften(team, inside, calls)))
              .toList();
      for (Future<?> end : ends) {
        end.get();
      }
    }
    assertThat(calls).hasValue(4 * 500 * 3);
  }

  private static void runOften(ThreadTeam team, AtomicInteger inside, AtomicInteger calls) {
    for (int region = 0; region < 500; region++) {
      team.run(
          3,
          task -> {
            assertThat(inside.incrementAndGet()).isLessThanOrEqualTo(2);
            calls.incrementAndGet();
            inside.decrementAndGet();
          });
    }
  }

  @Test
  void run_callerInterrupted_endsTheRegionAndKeepsTheInterrupt() {
    try (ThreadTeam team = new ThreadTeam("test", 2)) {
      Thread.currentThread().interrupt();
      AtomicInteger calls = new AtomicInteger();
      team.run(1000, task -> calls.incrementAndGet());
      assertThat(calls).hasValue(1000);
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  @Test
  void close_atAnyMoment_endsTheThreads() {
    for (int i = 0; i < 300; i++) {
      ThreadTeam team = new ThreadTeam("closing", 3);
      if (i % 3 == 0) {
        team.run(3, task -> {});
      } else if (i % 3 == 1) {
        awaitParked("closing-1");
      }
      team.close();
      team.close();
      assertThat(Thread.getAllStackTraces().keySet())
          .noneMatch(thread -> thread.getName().startsWith("closing") && thread.isAlive());
      assertThatThrownBy(() -> team.run(2, task -> {}))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("closed");
    }
  }

  @Test
  void new_noThreads_isRefused() {
    assertThatThrownBy(() -> new ThreadTeam("none", 0))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
