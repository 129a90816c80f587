package dev.consilium.router.scheduling;

import dev.consilium.router.kvcache.KvPool;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * Decides what the next step computes: a pure function from what is running, waiting and free to a
 * plan.
 *
 * <ol>
 *   <li>Every decoding sequence gets its one token, oldest first: a running answer never waits for
 *       somebody's prompt.
 *   <li>Sequences with prompt left get a chunk each, oldest first, while the step's token budget
 *       lasts.
 *   <li>If blocks of the KV pool run out on the way, the youngest sequence that has no part in this
 *       step yet gives its blocks back and returns to the head of the queue. It is computed again
 *       later, with the same result.
 *   <li>If nobody had to give way, waiting sequences are admitted in order of arrival, each if its
 *       whole prompt would find room.
 * </ol>
 *
 * <p>A sequence that fits the pool alone always ends: whoever gave way is the first to come back,
 * and those it gave way to end.
 */
final class Scheduler {

  /**
   * What the scheduler knows of a sequence.
   *
   * @param id unique
   * @param computed tokens whose keys and values are in the cache
   * @param total tokens known: prompt and output so far
   * @param blocks KV blocks held
   */
  record View(long id, int computed, int total, int blocks) {
    int remaining() {
      return total - computed;
    }

    boolean decoding() {
      return computed > 0 && remaining() == 1;
    }
  }

  /**
   * Bounds of one step.
   *
   * @param batchTokens most tokens in a step
   * @param chunkTokens most prompt tokens of one sequence in a step
   * @param running most sequences in the batch
   */
  record Limits(int batchTokens, int chunkTokens, int running) {}

  /** Compute {@code count} tokens of a sequence from its first uncomputed one on. */
  record Slice(long id, int count) {}

  /**
   * What to do.
   *
   * @param slices what the step computes, no sequence twice
   * @param preempted running sequences that give their blocks back first
   * @param admitted how many waiting sequences, from the head, join the batch
   */
  record Plan(List<Slice> slices, List<Long> preempted, int admitted) {}

  private final Limits limits;
  private final List<View> unplanned;
  private final List<Slice> slices = new ArrayList<>();
  private final List<Long> preempted = new ArrayList<>();
  private int freeBlocks;
  private int budget;

  private Scheduler(List<View> running, int freeBlocks, Limits limits) {
    this.limits = limits;
    this.unplanned = new ArrayList<>(running);
    this.freeBlocks = freeBlocks;
    this.budget = limits.batchTokens();
  }

  /**
   * @param running sequences in the batch, oldest first
   * @param waiting sequences not in the batch, first to be admitted first
   * @param freeBlocks blocks nobody holds
   */
  static Plan plan(List<View> running, Collection<View> waiting, int freeBlocks, Limits limits) {
    Scheduler step = new Scheduler(running, freeBlocks, limits);
    running.stream().filter(View::decoding).forEach(step::schedule);
    running.stream().filter(view -> !view.decoding()).forEach(step::schedule);
    int admitted = step.preempted.isEmpty() ? step.admit(running.size(), waiting) : 0;
    return new Plan(step.slices, step.preempted, admitted);
  }

  private void schedule(View view) {
    int count = Math.min(Math.min(view.remaining(), limits.chunkTokens()), budget);
    if (count == 0 || !unplanned.remove(view)) {
      return; // no budget left, or preempted a moment ago
    }
    int needed = KvPool.blocksFor(view.computed() + count) - view.blocks();
    while (needed > freeBlocks && !unplanned.isEmpty()) {
      preempt(unplanned.removeLast());
    }
    if (needed > freeBlocks) {
      preempt(view);
      return;
    }
    take(view, count, needed);
  }

  private void take(View view, int count, int blocks) {
    slices.add(new Slice(view.id(), count));
    freeBlocks -= blocks;
    budget -= count;
  }

  private void preempt(View view) {
    preempted.add(view.id());
    freeBlocks += view.blocks();
  }

  private int admit(int running, Collection<View> waiting) {
    int admitted = 0;
    for (View view : waiting) {
      int promised = KvPool.blocksFor(view.total());
      if (running + admitted == limits.running() || budget == 0 || promised > freeBlocks) {
        break;
      }
      int count = Math.min(Math.min(view.remaining(), limits.chunkTokens()), budget);
      // The whole prompt's blocks count as taken, so that one step does not admit two prompts into
      // the same room.
      take(view, count, promised);
      admitted++;
    }
    return admitted;
  }
}
