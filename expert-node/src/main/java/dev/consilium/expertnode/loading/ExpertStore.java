package dev.consilium.expertnode.loading;

import dev.consilium.expertnode.execution.ExpertRows;
import io.grpc.Status;
import java.util.Collections;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What the node holds, and the only place where that changes.
 *
 * <p>A change goes like this; until step 4 nobody sees anything of it, and a fault undoes it:
 *
 * <ol>
 *   <li>check experts, epoch and memory
 *   <li>load what is missing, beside what is served
 *   <li>stop if the caller went away
 *   <li>in one instant: what is held becomes the new set and the epoch rises by one
 *   <li>drop; memory is freed when the last dispatch that uses it has ended
 * </ol>
 */
public final class ExpertStore {

  private final String node;
  private final WeightBank bank;
  private final SortedMap<Integer, Integer> expertCounts;
  private final long budgetBytes;
  private final AtomicBoolean changing = new AtomicBoolean();

  /** Replaced under this object's monitor; read without. */
  private volatile HeldExperts held;

  /**
   * An empty store.
   *
   * @param expertCounts routed experts of the model by layer
   * @param budgetBytes most memory for weights
   */
  public ExpertStore(
      String node,
      WeightBank bank,
      SortedMap<Integer, Integer> expertCounts,
      long budgetBytes,
      long epoch) {
    this.node = node;
    this.bank = bank;
    this.expertCounts = Collections.unmodifiableSortedMap(new TreeMap<>(expertCounts));
    this.budgetBytes = budgetBytes;
    this.held = new HeldExperts(epoch, new TreeMap<>());
  }

  public HeldExperts held() {
    return held;
  }

  public SortedMap<Integer, Integer> expertCounts() {
    return expertCounts;
  }

  public long budgetBytes() {
    return budgetBytes;
  }

  public long usedBytes() {
    return bank.memoryBytes();
  }

  /**
   * Keeps the weights of a dispatch in memory until its end.
   *
   * @param seen what was held when the dispatch was checked
   * @return gives them back; empty if what is held has changed since
   */
  public synchronized Optional<Runnable> hold(
      HeldExperts seen, int layer, List<ExpertRows> experts) {
    return held.epoch() == seen.epoch() ? Optional.of(bank.hold(layer, experts)) : Optional.empty();
  }

  /**
   * Makes a change; returns when it is in force. A change to what is already so changes nothing,
   * not even the epoch.
   *
   * @throws AssignException if it was not made
   */
  public HeldExperts change(AssignOrder order, Progress progress) throws AssignException {
    if (!changing.compareAndSet(false, true)) {
      throw new AssignException(
          Status.Code.ABORTED,
          "node " + node + " is loading for another Assign: repeat this one when that has ended");
    }
    try {
      checkEpoch(order);
      checkExist(order.load());
      checkExist(order.drop());
      Change change = Change.of(order, held);
      checkMemory(change);
      load(change, progress);
      return change.isEmpty() ? held : apply(change);
    } finally {
      changing.set(false);
    }
  }

  private void checkEpoch(AssignOrder order) throws AssignException {
    if (order.expectedEpoch().isPresent() && order.expectedEpoch().getAsLong() != held.epoch()) {
      throw new AssignException(
          Status.Code.FAILED_PRECONDITION,
          "node %s is at placement epoch %d, caller expected %d: describe the node and decide anew"
              .formatted(node, held.epoch(), order.expectedEpoch().getAsLong()));
    }
  }

  private void checkExist(SortedMap<Integer, NavigableSet<Integer>> experts)
      throws AssignException {
    for (var layer : experts.entrySet()) {
      int count = expertCounts.getOrDefault(layer.getKey(), 0);
      NavigableSet<Integer> named = layer.getValue();
      if (!named.isEmpty() && (named.first() < 0 || named.last() >= count)) {
        throw new AssignException(
            Status.Code.INVALID_ARGUMENT,
            "layer %d %s were named, but the model has %d routed experts there"
                .formatted(layer.getKey(), HeldExperts.ranges(named), count));
      }
    }
  }

  /** What is dropped does not count as free: it stays until the change is in force. */
  private void checkMemory(Change change) throws AssignException {
    long wanted =
        change.load().entrySet().stream()
            .mapToLong(layer -> bank.expertBytes(layer.getKey()) * layer.getValue().size())
            .sum();
    long used = bank.memoryBytes();
    if (wanted > budgetBytes - used) {
      throw new AssignException(
          Status.Code.RESOURCE_EXHAUSTED,
          ("%d experts take %d bytes, but node %s has %d bytes left (%d of its %d are used): load fewer, drop"
                  + " some first, or raise consilium.node.memory-budget")
              .formatted(
                  change.experts(),
                  wanted,
                  node,
                  Math.max(0, budgetBytes - used),
                  used,
                  budgetBytes));
    }
  }

  private void load(Change change, Progress progress) throws AssignException {
    Loading loading = new Loading(change.experts(), progress);
    try {
      if (loading.goesOn()) {
        bank.load(change.load(), layer -> loading.oneMore(bank.expertBytes(layer)));
      }
    } catch (RuntimeException | OutOfMemoryError failed) {
      undo(change);
      throw new AssignException(
          Status.Code.INTERNAL,
          "node %s could not load an expert, nothing has changed: %s"
              .formatted(node, failed.getMessage()),
          failed);
    }
    if (loading.left()) {
      undo(change);
      throw new AssignException(
          Status.Code.CANCELLED,
          "the caller went away after %d experts".formatted(loading.experts()));
    }
  }

  private void undo(Change change) {
    change.load().forEach((layer, experts) -> experts.forEach(expert -> bank.drop(layer, expert)));
  }

  /** How far a change is, and whether somebody still wants it. Thread-safe. */
  private static final class Loading {
    private final int all;
    private final Progress progress;
    private int experts;
    private long bytes;
    private boolean left;

    Loading(int all, Progress progress) {
      this.all = all;
      this.progress = progress;
    }

    synchronized boolean oneMore(long expertBytes) {
      experts++;
      bytes += expertBytes;
      return goesOn();
    }

    synchronized boolean goesOn() {
      left |= !progress.loaded(experts, all, bytes);
      return !left;
    }

    synchronized boolean left() {
      return left;
    }

    synchronized int experts() {
      return experts;
    }
  }

  private synchronized HeldExperts apply(Change change) {
    HeldExperts after = change.applyTo(held);
    held = after;
    change.drop().forEach((layer, experts) -> experts.forEach(expert -> bank.drop(layer, expert)));
    return after;
  }
}
