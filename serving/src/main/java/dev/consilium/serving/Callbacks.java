package dev.consilium.serving;

import java.util.concurrent.Executor;
import java.util.concurrent.Executors;

/** Which thread runs the callbacks of calls. */
public enum Callbacks {
  /**
   * The network thread itself: least latency, and the callback must never block or compute; it
   * hands over to threads of its own.
   */
  ON_NETWORK_THREAD,
  /** A virtual thread each: the callback may block. */
  ON_VIRTUAL_THREAD;

  // One for the process: it holds no thread while nothing runs, so that nobody has to close it.
  private static final Executor VIRTUAL =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("grpc-", 0).factory());

  Executor executor() {
    return switch (this) {
      case ON_NETWORK_THREAD -> Runnable::run;
      case ON_VIRTUAL_THREAD -> VIRTUAL;
    };
  }
}
