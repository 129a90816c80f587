package dev.consilium.gateway.routing;

import dev.consilium.gateway.generation.Cancellation;
import dev.consilium.gateway.generation.Fault;
import dev.consilium.gateway.generation.RequestException;
import dev.consilium.gateway.generation.TokenEvent;
import dev.consilium.gateway.generation.TokenRequest;
import dev.consilium.gateway.generation.TokenStream;
import dev.consilium.serving.Target;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * A stream that begins anew on another router as long as nothing has come of it: a router that is
 * gone or full has then done nothing that the client could have seen. One thread.
 */
final class PersistentStream implements TokenStream {
  private final RouterPool pool;
  private final TokenRequest request;
  private final Cancellation cancellation;
  private final Set<Target> tried = new LinkedHashSet<>();
  private PlacedStream stream;
  private boolean begun;

  PersistentStream(RouterPool pool, TokenRequest request, Cancellation cancellation) {
    this.pool = pool;
    this.request = request;
    this.cancellation = cancellation;
    this.stream = pool.place(request, cancellation, tried);
  }

  @Override
  public TokenEvent next() throws InterruptedException {
    while (true) {
      try {
        TokenEvent event = stream.next();
        begun = true;
        return event;
      } catch (RequestException e) {
        noteFailure(e.fault());
        if (begun || cancellation.cancelled() || !elsewhere(e.fault().kind())) {
          throw e;
        }
        moveOn(e);
      }
    }
  }

  private static boolean elsewhere(Fault.Kind kind) {
    return kind == Fault.Kind.UNAVAILABLE || kind == Fault.Kind.OVERLOADED;
  }

  private void noteFailure(Fault fault) {
    if (fault.kind() == Fault.Kind.UNAVAILABLE) {
      stream.router().suspect(fault.message());
    }
  }

  /** The first failure says more than that there is no further router. */
  private void moveOn(RequestException failure) {
    stream.close();
    try {
      stream = pool.place(request, cancellation, tried);
    } catch (RequestException noOther) {
      throw failure;
    }
  }

  @Override
  public boolean hasNext() {
    return stream.hasNext();
  }

  @Override
  public void close() {
    stream.close();
  }
}
