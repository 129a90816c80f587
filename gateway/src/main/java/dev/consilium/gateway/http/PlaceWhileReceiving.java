package dev.consilium.gateway.http;

import dev.consilium.gateway.generation.Admission;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A request's place while its body comes: given back by whoever is first of the client's leaving, a
 * refusal, and the thread that runs the request. Any thread.
 */
final class PlaceWhileReceiving {
  private final Admission.Ticket ticket;
  private final AtomicBoolean settled = new AtomicBoolean();

  PlaceWhileReceiving(Admission.Ticket ticket) {
    this.ticket = ticket;
  }

  /** Gives the place back unless the request runs and will do so itself. */
  void closeUnlessRunning() {
    if (settled.compareAndSet(false, true)) {
      ticket.close();
    }
  }

  /** Whether the request may run, from now on responsible for the place. */
  boolean run() {
    return settled.compareAndSet(false, true);
  }
}
