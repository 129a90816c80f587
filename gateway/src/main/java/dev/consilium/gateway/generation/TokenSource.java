package dev.consilium.gateway.generation;

/** Where tokens come from: in production the routers. */
public interface TokenSource {

  /**
   * Starts a sequence. Cancelling ends it at once on both sides.
   *
   * @throws RequestException if no router takes it
   */
  TokenStream open(TokenRequest request, Cancellation cancellation) throws InterruptedException;
}
