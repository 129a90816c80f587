package dev.consilium.expertnode.execution;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Admitted dispatches in order of arrival. Thread-safe. */
final class DispatchQueue {

  /** What became of an offer. */
  enum Admission {
    ADMITTED,
    FULL,
    DRAINING
  }

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition arrived = lock.newCondition();
  private final Condition ended = lock.newCondition();
  private final ExecutionLimits limits;

  // All guarded by lock.
  private final LinkedHashSet<Dispatch> waiting = new LinkedHashSet<>();
  private long waitingBytes;
  private int computing;
  private boolean draining;
  private boolean closed;

  DispatchQueue(ExecutionLimits limits) {
    this.limits = limits;
  }

  /** One dispatch larger than the byte limit is taken when nothing else waits. */
  Admission offer(Dispatch dispatch) {
    lock.lock();
    try {
      if (draining || closed) {
        return Admission.DRAINING;
      }
      long bytes = waitingBytes + dispatch.bytes();
      if (waiting.size() >= limits.queuedDispatches()
          || (bytes > limits.queuedBytes() && !waiting.isEmpty())) {
        return Admission.FULL;
      }
      waiting.add(dispatch);
      waitingBytes = bytes;
      arrived.signal();
      return Admission.ADMITTED;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for work and takes the oldest dispatch with those that wait for the same layer, in order,
   * up to the limit of a computation. They count as computing until {@link #end}.
   *
   * @return never empty, but when the queue is closed
   */
  List<Dispatch> take() throws InterruptedException {
    lock.lock();
    try {
      while (waiting.isEmpty() && !closed) {
        arrived.await();
      }
      List<Dispatch> gathered = closed ? List.of() : gather();
      computing += gathered.size();
      return gathered;
    } finally {
      lock.unlock();
    }
  }

  private List<Dispatch> gather() {
    List<Dispatch> gathered = new ArrayList<>();
    Iterator<Dispatch> oldestFirst = waiting.iterator();
    int layer = waiting.getFirst().layer();
    long assignments = 0;
    while (oldestFirst.hasNext()) {
      Dispatch next = oldestFirst.next();
      if (next.layer() != layer) {
        continue;
      }
      assignments += next.assignments();
      if (!gathered.isEmpty() && assignments > limits.gatheredAssignments()) {
        break;
      }
      gathered.add(next);
      oldestFirst.remove();
      waitingBytes -= next.bytes();
    }
    return gathered;
  }

  /** Says that taken dispatches have been answered. */
  void end(int dispatches) {
    lock.lock();
    try {
      computing -= dispatches;
      ended.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Removes what a requester has waiting. */
  List<Dispatch> withdraw(Requester requester) {
    lock.lock();
    try {
      List<Dispatch> withdrawn =
          waiting.stream().filter(dispatch -> dispatch.requester().equals(requester)).toList();
      withdrawn.forEach(this::remove);
      ended.signalAll();
      return withdrawn;
    } finally {
      lock.unlock();
    }
  }

  private void remove(Dispatch dispatch) {
    waiting.remove(dispatch);
    waitingBytes -= dispatch.bytes();
  }

  /** Admits nothing more and waits for what is admitted. Returns how many have not ended. */
  int drain(long timeoutNanos) throws InterruptedException {
    long left = timeoutNanos;
    lock.lock();
    try {
      draining = true;
      while (unfinished() > 0 && left > 0) {
        left = ended.awaitNanos(left);
      }
      return unfinished();
    } finally {
      lock.unlock();
    }
  }

  private int unfinished() {
    return waiting.size() + computing;
  }

  boolean draining() {
    lock.lock();
    try {
      return draining;
    } finally {
      lock.unlock();
    }
  }

  /** Dispatches that wait. */
  int depth() {
    lock.lock();
    try {
      return waiting.size();
    } finally {
      lock.unlock();
    }
  }

  /** Ends {@link #take} and gives back what still waits. */
  List<Dispatch> close() {
    lock.lock();
    try {
      closed = true;
      List<Dispatch> left = List.copyOf(waiting);
      left.forEach(this::remove);
      arrived.signalAll();
      ended.signalAll();
      return left;
    } finally {
      lock.unlock();
    }
  }
}
