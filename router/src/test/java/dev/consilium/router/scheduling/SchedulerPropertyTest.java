package dev.consilium.router.scheduling;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.router.kvcache.KvPool;
import dev.consilium.router.scheduling.Scheduler.Limits;
import dev.consilium.router.scheduling.Scheduler.Plan;
import dev.consilium.router.scheduling.Scheduler.Slice;
import dev.consilium.router.scheduling.Scheduler.View;
import dev.consilium.testkit.Seeds;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.NavigableMap;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Carries plans out for random workloads, and checks what must hold at every step. */
class SchedulerPropertyTest {
  private static final int WORKLOADS = 2000;

  @Test
  void plan_anyWorkload_keepsBoundsAndEndsEverySequence() {
    SplittableRandom random = Seeds.random();
    int preemptions = 0;
    for (int i = 0; i < WORKLOADS; i++) {
      preemptions += new Workload(random, i).run();
    }
    assertThat(preemptions)
        .as("workloads that put nobody under pressure test nothing")
        .isGreaterThan(WORKLOADS / 10);
  }

  /** A stream of newcomers that never ends must not keep an old, long prompt from ending. */
  @Test
  void plan_endlessShortRequests_longPromptEnds() {
    SplittableRandom random = Seeds.random();
    for (int i = 0; i < 200; i++) {
      new Workload(random, i).runBesideEndlessNewcomers();
    }
  }

  private static final class Simulated {
    final long id;
    final int end;
    int computed;
    int total;

    Simulated(long id, int prompt, int generated) {
      this.id = id;
      this.total = prompt;
      this.end = prompt + generated;
    }

    int blocks() {
      return KvPool.blocksFor(computed);
    }

    View view() {
      return new View(id, computed, total, blocks());
    }
  }

  private static final class Workload {
    final SplittableRandom random;
    final int number;
    final int pool;
    final Limits limits;
    final NavigableMap<Long, Simulated> running = new TreeMap<>();
    final NavigableMap<Long, Simulated> waiting = new TreeMap<>();
    long nextId = 1;
    int preemptions;

    Workload(SplittableRandom random, int number) {
      this.random = random;
      this.number = number;
      this.pool = 1 + random.nextInt(12);
      int most = 1 + random.nextInt(8);
      this.limits = new Limits(most + random.nextInt(60), 1 + random.nextInt(40), most);
    }

    void arrive(int prompt, int generated) {
      waiting.put(nextId, new Simulated(nextId, prompt, generated));
      nextId++;
    }

    void arriveRandom() {
      int length = Math.max(2, 1 + random.nextInt(pool * KvPool.BLOCK_TOKENS));
      int prompt = 1 + random.nextInt(length - 1);
      arrive(prompt, length - prompt);
    }

    int run() {
      int count = 1 + random.nextInt(15);
      // Every step computes a token, and tokens are computed again only after giving way to older
      // ones: far more steps than this would mean that somebody is thrown out again and again.
      int limit = 200 * count * pool;
      int arrived = 0;
      for (int step = 0; arrived < count || !running.isEmpty() || !waiting.isEmpty(); step++) {
        while (arrived < count && random.nextInt(4) == 0) {
          arriveRandom();
          arrived++;
        }
        step();
        assertThat(step).as("steps of %s", this).isLessThan(limit);
      }
      return preemptions;
    }

    void runBesideEndlessNewcomers() {
      int room = pool * KvPool.BLOCK_TOKENS;
      arrive(1, Math.max(1, room / 3));
      step();
      long old = nextId;
      arrive(Math.max(1, room - 2), 1);
      for (int step = 0; running.containsKey(old) || waiting.containsKey(old); step++) {
        if (waiting.size() < 20) {
          arrive(1, Math.max(1, random.nextInt(room)));
        }
        step();
        assertThat(step).as("steps until the long prompt of %s ends", this).isLessThan(50 * room);
      }
    }

    void step() {
      int held = running.values().stream().mapToInt(Simulated::blocks).sum();
      Plan plan = Scheduler.plan(views(running), views(waiting), pool - held, limits);
      check(plan);
      for (long id : plan.preempted()) {
        Simulated gone = existing(running.remove(id));
        gone.computed = 0;
        waiting.put(id, gone);
        preemptions++;
      }
      for (int i = 0; i < plan.admitted(); i++) {
        Simulated admitted = waiting.pollFirstEntry().getValue();
        running.put(admitted.id, admitted);
      }
      plan.slices().forEach(this::compute);
      int now = running.values().stream().mapToInt(Simulated::blocks).sum();
      assertThat(now).as("blocks held of %s", this).isLessThanOrEqualTo(pool);
    }

    void check(Plan plan) {
      Set<Long> ids = new HashSet<>();
      for (Slice slice : plan.slices()) {
        assertThat(ids.add(slice.id())).as("once in %s of %s", plan, this).isTrue();
        assertThat(slice.count()).isBetween(1, Math.max(1, limits.chunkTokens()));
      }
      assertThat(plan.slices().stream().mapToInt(Slice::count).sum())
          .as("tokens in %s of %s", plan, this)
          .isLessThanOrEqualTo(limits.batchTokens());
      assertThat(running.size() - plan.preempted().size() + plan.admitted())
          .isLessThanOrEqualTo(limits.running());
      assertThat(Collections.disjoint(ids, plan.preempted()))
          .as("who gives way computes nothing: %s", plan)
          .isTrue();
      checkProgress(plan, ids);
    }

    void checkProgress(Plan plan, Set<Long> planned) {
      if (running.isEmpty() && waiting.isEmpty()) {
        return;
      }
      assertThat(plan.slices()).as("slices of %s", this).isNotEmpty();
      for (Simulated sequence : running.values()) {
        if (sequence.view().decoding() && !plan.preempted().contains(sequence.id)) {
          assertThat(planned).as("decoding sequences of %s", this).contains(sequence.id);
        }
      }
      if (!running.isEmpty()) {
        assertThat(plan.preempted())
            .as("the oldest of %s gives way to nobody", this)
            .doesNotContain(running.firstKey());
      }
    }

    void compute(Slice slice) {
      Simulated sequence = existing(running.get(slice.id()));
      sequence.computed += slice.count();
      assertThat(sequence.computed).isLessThanOrEqualTo(sequence.total);
      if (sequence.computed == sequence.total) {
        sequence.total++;
        if (sequence.total >= sequence.end) {
          running.remove(sequence.id);
        }
      }
    }

    private Simulated existing(@Nullable Simulated sequence) {
      if (sequence == null) {
        throw new AssertionError("a sequence that does not run was planned: " + this);
      }
      return sequence;
    }

    private static List<View> views(NavigableMap<Long, Simulated> sequences) {
      List<View> views = new ArrayList<>();
      sequences.values().forEach(sequence -> views.add(sequence.view()));
      return views;
    }

    @Override
    public String toString() {
      return "workload %d with %d blocks and %s".formatted(number, pool, limits);
    }
  }
}
