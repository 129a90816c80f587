package dev.consilium.gateway.routing;

import dev.consilium.gateway.generation.Cancellation;
import dev.consilium.gateway.generation.TokenEvent;
import dev.consilium.gateway.generation.TokenRequest;
import dev.consilium.gateway.generation.TokenStream;

/** A stream on one router, counted there while it is open. One thread. */
final class PlacedStream implements TokenStream {
  private final RouterMember router;
  private final TokenStream stream;
  private boolean open = true;

  private PlacedStream(RouterMember router, TokenStream stream) {
    this.router = router;
    this.stream = stream;
  }

  static PlacedStream open(RouterMember router, TokenRequest request, Cancellation cancellation) {
    try {
      return new PlacedStream(router, router.connection().open(request, cancellation));
    } catch (RuntimeException e) {
      router.ended();
      throw e;
    }
  }

  RouterMember router() {
    return router;
  }

  @Override
  public TokenEvent next() throws InterruptedException {
    return stream.next();
  }

  @Override
  public boolean hasNext() {
    return stream.hasNext();
  }

  @Override
  public void close() {
    if (open) {
      open = false;
      stream.close();
      router.ended();
    }
  }
}
