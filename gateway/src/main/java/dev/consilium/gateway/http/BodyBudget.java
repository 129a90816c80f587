package dev.consilium.gateway.http;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The bound on the bytes of all bodies that are being received or parsed, so that many large ones
 * at once cannot take the heap. Any thread.
 */
final class BodyBudget {
  private final long limit;
  private final AtomicLong held = new AtomicLong();

  BodyBudget(long limit) {
    this.limit = limit;
  }

  /** A share for one body, empty at first. */
  Share share() {
    return new Share();
  }

  private boolean take(int bytes) {
    if (held.addAndGet(bytes) <= limit) {
      return true;
    }
    held.addAndGet(-bytes);
    return false;
  }

  /** What one body holds; closed when its bytes are no longer needed, once or more often. */
  final class Share implements AutoCloseable {
    // guarded by this
    private long bytes;
    private boolean closed;

    private Share() {}

    /** Takes more; false if the budget has no more, or this was closed. */
    synchronized boolean grow(int more) {
      if (closed || !take(more)) {
        return false;
      }
      bytes += more;
      return true;
    }

    @Override
    public synchronized void close() {
      closed = true;
      held.addAndGet(-bytes);
      bytes = 0;
    }
  }
}
