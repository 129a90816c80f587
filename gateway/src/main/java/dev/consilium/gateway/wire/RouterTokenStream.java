package dev.consilium.gateway.wire;

import dev.consilium.gateway.generation.Cancellation;
import dev.consilium.gateway.generation.TokenEvent;
import dev.consilium.gateway.generation.TokenStream;
import dev.consilium.proto.router.v1.GenerateRequest;
import dev.consilium.proto.router.v1.GenerateResponse;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * One {@code Generate} call. gRPC's thread puts messages into a queue and one reader takes them; no
 * more than {@link #WINDOW} are asked for before they are taken, so a slow reader stops the router
 * through HTTP/2 flow control instead of filling memory.
 */
final class RouterTokenStream extends ClientCall.Listener<GenerateResponse> implements TokenStream {
  static final int WINDOW = 16;

  /** What the call brought. */
  private sealed interface Arrival {
    record Message(GenerateResponse response) implements Arrival {}

    record Closed(Status status) implements Arrival {}
  }

  private final ClientCall<GenerateRequest, GenerateResponse> call;
  private final Cancellation cancellation;
  private final int vocabularySize;
  // At most WINDOW messages and the end.
  private final BlockingQueue<Arrival> arrivals = new LinkedBlockingQueue<>();
  private Cancellation.Registration registration = () -> {};

  // Of the reader alone.
  private int taken;
  private boolean finished;

  RouterTokenStream(
      ClientCall<GenerateRequest, GenerateResponse> call,
      Cancellation cancellation,
      int vocabularySize) {
    this.call = call;
    this.cancellation = cancellation;
    this.vocabularySize = vocabularySize;
  }

  void start(GenerateRequest request) {
    call.start(this, new Metadata());
    call.request(WINDOW);
    call.sendMessage(request);
    call.halfClose();
    registration = cancellation.onCancel(this::cancel);
  }

  private void cancel() {
    call.cancel("the gateway's client is gone", null);
  }

  @Override
  public void onMessage(GenerateResponse message) {
    arrivals.add(new Arrival.Message(message));
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    arrivals.add(new Arrival.Closed(status));
  }

  @Override
  public boolean hasNext() {
    return !arrivals.isEmpty();
  }

  @Override
  public TokenEvent next() throws InterruptedException {
    return switch (arrivals.take()) {
      case Arrival.Message(GenerateResponse response) -> event(response);
      case Arrival.Closed(Status status) -> throw failure(status);
    };
  }

  private TokenEvent event(GenerateResponse response) {
    TokenEvent event = RouterResponses.decode(response, vocabularySize);
    finished = event instanceof TokenEvent.End;
    // Half a window at once: a request for each message would cost a task on the network thread.
    if (++taken == WINDOW / 2) {
      taken = 0;
      call.request(WINDOW / 2);
    }
    return event;
  }

  private RuntimeException failure(Status status) {
    if (cancellation.cancelled()) {
      return Cancellation.exception();
    }
    return status.isOk()
        ? RouterResponses.broken("the end of its stream without a finish")
        : Faults.ofRouter(status).exception();
  }

  @Override
  public void close() {
    registration.close();
    if (!finished) {
      call.cancel("the gateway needs no more tokens", null);
    }
  }
}
