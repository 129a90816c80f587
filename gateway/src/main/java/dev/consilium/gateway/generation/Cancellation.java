package dev.consilium.gateway.generation;

import java.util.ArrayList;
import java.util.List;

/**
 * The one place where a request is given up: by its client's leaving, a choice's failure or a stop
 * of the process. Any thread may call any method; what is registered runs once, on the thread that
 * cancels, or at once if that has happened.
 */
public final class Cancellation {
  // guarded by this
  private final List<Runnable> actions = new ArrayList<>();
  private boolean cancelled;

  public void cancel() {
    List<Runnable> due;
    synchronized (this) {
      if (cancelled) {
        return;
      }
      cancelled = true;
      due = List.copyOf(actions);
      actions.clear();
    }
    due.forEach(Runnable::run);
  }

  public synchronized boolean cancelled() {
    return cancelled;
  }

  /** Runs {@code action}, which must not block or throw, when cancelled. */
  public Registration onCancel(Runnable action) {
    synchronized (this) {
      if (!cancelled) {
        actions.add(action);
        return () -> remove(action);
      }
    }
    action.run();
    return () -> {};
  }

  private synchronized void remove(Runnable action) {
    actions.remove(action);
  }

  /** Takes the action back. */
  @FunctionalInterface
  public interface Registration extends AutoCloseable {
    @Override
    void close();
  }

  /** What is thrown where a cancelled request would go on. */
  public static RequestException exception() {
    return Fault.of(Fault.Kind.CANCELLED, "cancelled", "the client cancelled the request")
        .exception();
  }
}
