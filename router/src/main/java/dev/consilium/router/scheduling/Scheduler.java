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
 *       step yet gives its blocks back and returns to the queue. It is computed again later, with
 *       the same result. A younger sequence never takes blocks from an older one: a decoding one
 *       gives way itself, a chunk shrinks to the room there is.
 *   <li>If nobody had to give way, waiting sequences are admitted in order of arrival, each if its
 *       whole prompt would find room beside what the running ones still need for theirs.
 * </ol>
 *
 * <p>Age is order of arrival, and does not change when a sequence gives way. So the oldest one
 * advances in every step in which it is not short of room, those that hold its room end or give
 * way, and every sequence that fits the pool alone ends in its turn.
 */
final class Scheduler {

  /**
   * What the scheduler knows of a sequence.
   *
   * @param id unique; rises with arrival
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

  /** Blocks that running sequences still need for tokens they already have. */
  private int owedBlocks;

  private Scheduler(List<View> running, int freeBlocks, Limits limits) {
    this.limits = limits;
    this.unplanned = new ArrayList<>(running);
    this.freeBlocks = freeBlocks;
    this.budget = limits.batchTokens();
    this.owedBlocks =
        running.stream().mapToInt(view -> KvPool.blocksFor(view.total()) - view.blocks()).sum();
  }

  /**
   * @param running sequences in the batch, oldest first: ids ascending
   * @param waiting sequences not in the batch, first to be admitted first
   * @param freeBlocks blocks nobody holds
   */
  static Plan plan(List<View> running, Collection<View> waiting, int freeBlocks, Limits limits) {
    Scheduler step = new Scheduler(running, freeBlocks, limits);
    running.stream().filter(View::decoding).forEach(step::decode);
    running.stream().filter(view -> !view.decoding()).forEach(step::prefill);
    int admitted = step.preempted.isEmpty() ? step.admit(running.size(), waiting) : 0;
    return new Plan(step.slices, step.preempted, admitted);
  }

  private void decode(View view) {
    if (budget == 0 || !unplanned.remove(view)) {
      return; // it gave way a moment ago
    }
    int needed = KvPool.blocksFor(view.total()) - view.blocks();
    makeRoom(view, needed);
    if (needed <= freeBlocks) {
      take(view, 1, needed);
    } else {
      preempt(view);
    }
  }

  private void prefill(View view) {
    int wanted = chunk(view);
    if (wanted == 0 || !unplanned.remove(view)) {
      return;
    }
    makeRoom(view, KvPool.blocksFor(view.computed() + wanted) - view.blocks());
    int room = (view.blocks() + freeBlocks) * KvPool.BLOCK_TOKENS - view.computed();
    int count = Math.min(wanted, room);
    if (count > 0) {
      take(view, count, KvPool.blocksFor(view.computed() + count) - view.blocks());
    }
  }

  private int chunk(View view) {
    return Math.min(Math.min(view.remaining(), limits.chunkTokens()), budget);
  }

  /** Has sequences younger than {@code view} give way, the youngest first. */
  private void makeRoom(View view, int needed) {
    while (needed > freeBlocks && !unplanned.isEmpty() && unplanned.getLast().id() > view.id()) {
      preempt(unplanned.removeLast());
    }
  }

  private void take(View view, int count, int blocks) {
    slices.add(new Slice(view.id(), count));
    freeBlocks -= blocks;
    owedBlocks -= blocks;
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
      if (running + admitted == limits.running()
          || budget == 0
          || promised > freeBlocks - owedBlocks) {
        break;
      }
      int count = chunk(view);
      slices.add(new Slice(view.id(), count));
      budget -= count;
      freeBlocks -= promised; // all of them, not the chunk's alone: the next one must find its own
      admitted++;
    }
    return admitted;
  }
}
