package dev.consilium.router.scheduling;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.router.scheduling.Scheduler.Limits;
import dev.consilium.router.scheduling.Scheduler.Plan;
import dev.consilium.router.scheduling.Scheduler.Slice;
import dev.consilium.router.scheduling.Scheduler.View;
import java.util.List;
import org.junit.jupiter.api.Test;

class SchedulerTest {
  private static final Limits LIMITS = new Limits(40, 16, 4);

  @Test
  void plan_nothingToDo_isEmpty() {
    assertThat(plan(List.of(), List.of(), 10)).isEqualTo(new Plan(List.of(), List.of(), 0));
  }

  @Test
  void plan_decodingAndPrompt_decodingComesFirst() {
    Plan plan = plan(List.of(prompt(1, 0, 100), decoding(2, 20)), List.of(), 10);
    assertThat(plan.slices()).containsExactly(new Slice(2, 1), new Slice(1, 16));
  }

  @Test
  void plan_prompts_shareTheBudgetOldestFirst() {
    Plan plan =
        plan(List.of(prompt(1, 0, 100), prompt(2, 0, 100), prompt(3, 0, 100)), List.of(), 20);
    assertThat(plan.slices()).containsExactly(new Slice(1, 16), new Slice(2, 16), new Slice(3, 8));
  }

  @Test
  void plan_roomForPrompt_admitsInOrderOfArrival() {
    Plan plan = plan(List.of(), List.of(prompt(1, 0, 20), prompt(2, 0, 20)), 10);
    assertThat(plan.admitted()).isEqualTo(2);
    assertThat(plan.slices()).containsExactly(new Slice(1, 16), new Slice(2, 16));
  }

  @Test
  void plan_headOfQueueDoesNotFit_nobodyPassesIt() {
    Plan plan = plan(List.of(), List.of(prompt(1, 0, 200), prompt(2, 0, 1)), 10);
    assertThat(plan.admitted()).isZero();
  }

  @Test
  void plan_twoPromptsForTheSameRoom_admitsOne() {
    Plan plan = plan(List.of(), List.of(prompt(1, 0, 100), prompt(2, 0, 100)), 10);
    assertThat(plan.admitted()).isEqualTo(1);
  }

  @Test
  void plan_roomPromisedToRunningPrompt_isNotGivenAway() {
    // Sequence 1 holds 1 block and still needs 6 of the 9; the newcomer needs 4.
    Plan plan = plan(List.of(prompt(1, 16, 100)), List.of(prompt(2, 0, 50)), 9);
    assertThat(plan.admitted()).isZero();
    assertThat(plan(List.of(prompt(1, 16, 100)), List.of(prompt(2, 0, 48)), 9).admitted())
        .isEqualTo(1);
  }

  @Test
  void plan_batchFull_admitsNobody() {
    List<View> running = List.of(decoding(1, 5), decoding(2, 5), decoding(3, 5), decoding(4, 5));
    assertThat(plan(running, List.of(prompt(5, 0, 1)), 10).admitted()).isZero();
  }

  @Test
  void plan_noBlockForDecoding_youngestGivesWay() {
    Plan plan = plan(List.of(decoding(1, 16), decoding(2, 20), decoding(3, 20)), List.of(), 0);
    assertThat(plan.preempted()).containsExactly(3L);
    assertThat(plan.slices()).containsExactly(new Slice(1, 1), new Slice(2, 1));
  }

  @Test
  void plan_youngDecodingNeedsBlock_doesNotTakeItFromOlderPrompt() {
    Plan plan = plan(List.of(prompt(1, 16, 100), decoding(2, 32)), List.of(), 0);
    assertThat(plan.preempted()).containsExactly(2L);
    assertThat(plan.slices()).containsExactly(new Slice(1, 16));
  }

  @Test
  void plan_promptShortOfRoom_takesWhatThereIs() {
    // 4 places left in its block, none in the pool; the decoding one has its place.
    Plan plan = plan(List.of(prompt(1, 12, 100), decoding(2, 20)), List.of(), 0);
    assertThat(plan.preempted()).isEmpty();
    assertThat(plan.slices()).containsExactly(new Slice(2, 1), new Slice(1, 4));
  }

  @Test
  void plan_somebodyGaveWay_nobodyIsAdmitted() {
    Plan plan = plan(List.of(decoding(1, 16), decoding(2, 100)), List.of(prompt(3, 0, 1)), 0);
    assertThat(plan.preempted()).containsExactly(2L);
    assertThat(plan.admitted()).isZero();
  }

  private static Plan plan(List<View> running, List<View> waiting, int freeBlocks) {
    return Scheduler.plan(running, waiting, freeBlocks, LIMITS);
  }

  private static View prompt(long id, int computed, int total) {
    return new View(id, computed, total, (computed + 15) / 16);
  }

  private static View decoding(long id, int computed) {
    return new View(id, computed, computed + 1, (computed + 15) / 16);
  }
}
