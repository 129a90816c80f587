package dev.consilium.gateway.generation;

import java.util.concurrent.Semaphore;

/**
 * The bound on sequences in flight in this gateway, a request of n choices counting n. What is over
 * it is refused at once, never queued: the routers have the queues. Any thread.
 */
public final class Admission {
  private final int limit;
  private final Semaphore free;
  private volatile boolean draining;

  public Admission(int limit) {
    this.limit = limit;
    this.free = new Semaphore(limit);
  }

  public int limit() {
    return limit;
  }

  public int inFlight() {
    return limit - free.availablePermits();
  }

  /** Refuses new requests from now on; those admitted run on. */
  public void drain() {
    draining = true;
  }

  /** Takes the place of a request's first sequence. */
  public Ticket admit() {
    if (draining) {
      throw Fault.stopping().exception();
    }
    return new Ticket();
  }

  private void take(int sequences) {
    if (sequences > limit) {
      throw Fault.of(
              Fault.Kind.INVALID,
              "too_many_sequences",
              "the request asks for %d sequences; this gateway takes at most %d at once"
                  .formatted(sequences, limit))
          .exception();
    }
    if (!free.tryAcquire(sequences)) {
      throw Fault.of(
              Fault.Kind.OVERLOADED,
              "overloaded",
              "all %d places for sequences are taken: try again later".formatted(limit))
          .exception();
    }
  }

  /** A request's places; closed when it ends, whatever way. One thread at a time. */
  public final class Ticket implements AutoCloseable {
    private int held;

    private Ticket() {
      take(1);
      held = 1;
    }

    /** Takes further places, once the request is known to need them. */
    public void growTo(int sequences) {
      if (sequences > limit) {
        take(sequences);
      }
      if (sequences > held) {
        take(sequences - held);
        held = sequences;
      }
    }

    @Override
    public void close() {
      free.release(held);
      held = 0;
    }
  }
}
