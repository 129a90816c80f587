package dev.consilium.gateway.generation;

/** The tokens of one sequence. Read by one thread; only so many are held as a stated window. */
public interface TokenStream extends AutoCloseable {

  /**
   * The next event; waits for it.
   *
   * @throws RequestException if the stream failed or was cancelled
   */
  TokenEvent next() throws InterruptedException;

  /** True if {@link #next} would answer without waiting. */
  boolean hasNext();

  /** Ends the sequence if it runs; nothing otherwise. */
  @Override
  void close();
}
