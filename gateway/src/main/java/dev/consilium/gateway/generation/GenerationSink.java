package dev.consilium.gateway.generation;

/**
 * Where a request's choices go: a door. Calls come one at a time, from the threads of the choices;
 * they may wait for the client, which holds the routers back too.
 */
public interface GenerationSink {

  /** A choice has new text or tokens. */
  void delta(int choice, Delta delta) throws InterruptedException;

  /** A choice is complete. */
  void finish(int choice, Completion completion) throws InterruptedException;

  /** Nothing more is at hand: send what was gathered. */
  void flush() throws InterruptedException;
}
