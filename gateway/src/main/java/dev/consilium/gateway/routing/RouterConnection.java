package dev.consilium.gateway.routing;

import dev.consilium.gateway.generation.Cancellation;
import dev.consilium.gateway.generation.RequestException;
import dev.consilium.gateway.generation.TokenRequest;
import dev.consilium.gateway.generation.TokenStream;
import java.io.IOException;
import java.util.List;

/** The line to one router. Any thread. */
public interface RouterConnection extends AutoCloseable {

  /**
   * Asks for its status, with a bound on the wait.
   *
   * @throws IOException saying why there is no answer
   */
  RouterStatus status() throws IOException;

  /** Asks for its counts of tokens by expert; as {@link #status}. */
  List<ExpertTokens> utilisation() throws IOException;

  /** Starts a sequence there; failures come with the stream's first event. */
  TokenStream open(TokenRequest request, Cancellation cancellation) throws RequestException;

  @Override
  void close();
}
