package dev.consilium.gateway.wire;

import dev.consilium.gateway.generation.Cancellation;
import dev.consilium.gateway.generation.TokenRequest;
import dev.consilium.gateway.generation.TokenStream;
import dev.consilium.gateway.routing.ExpertTokens;
import dev.consilium.gateway.routing.RouterConnection;
import dev.consilium.gateway.routing.RouterStatus;
import dev.consilium.proto.router.v1.RouterServiceGrpc;
import dev.consilium.proto.router.v1.RouterServiceGrpc.RouterServiceBlockingStub;
import dev.consilium.proto.router.v1.StatusRequest;
import dev.consilium.proto.router.v1.UtilisationRequest;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** The line to one router over a gRPC channel. */
public final class RouterLine implements RouterConnection {
  private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(2);

  private final ManagedChannel channel;
  private final Terms terms;

  /**
   * What holds for every sequence.
   *
   * @param requestTimeout deadline of a whole sequence
   * @param vocabularySize token ids from the router are below this
   * @param stopTokens tokens that end a text of this model
   */
  public record Terms(Duration requestTimeout, int vocabularySize, List<Integer> stopTokens) {
    public Terms {
      stopTokens = List.copyOf(stopTokens);
    }
  }

  /** Takes the channel over: closing the line closes it. */
  public RouterLine(ManagedChannel channel, Terms terms) {
    this.channel = channel;
    this.terms = terms;
  }

  @Override
  public RouterStatus status() throws IOException {
    return ask(stub -> RouterResponses.decode(stub.status(StatusRequest.getDefaultInstance())));
  }

  @Override
  public List<ExpertTokens> utilisation() throws IOException {
    return ask(stub -> {
      List<ExpertTokens> counts = new ArrayList<>();
      stub.utilisation(UtilisationRequest.getDefaultInstance())
          .forEachRemaining(snapshot -> counts.addAll(RouterResponses.decode(snapshot)));
      return counts;
    });
  }

  private <T> T ask(Function<RouterServiceBlockingStub, T> question) throws IOException {
    try {
      return question.apply(
          RouterServiceGrpc.newBlockingStub(channel)
              .withDeadlineAfter(ANSWER_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS));
    } catch (StatusRuntimeException e) {
      // The channel's own pause between attempts grows to minutes; ours is the poll's.
      channel.resetConnectBackoff();
      throw new IOException(reason(e.getStatus()), e);
    }
  }

  private static String reason(Status status) {
    return "unreachable (%s: %s)"
        .formatted(
            status.getCode(), Optional.ofNullable(status.getDescription()).orElse("no reason"));
  }

  @Override
  public TokenStream open(TokenRequest request, Cancellation cancellation) {
    CallOptions options =
        CallOptions.DEFAULT.withDeadlineAfter(
            terms.requestTimeout().toMillis(), TimeUnit.MILLISECONDS);
    RouterTokenStream stream =
        new RouterTokenStream(
            channel.newCall(RouterServiceGrpc.getGenerateMethod(), options),
            cancellation,
            terms.vocabularySize());
    stream.start(RouterRequests.encode(request, terms.stopTokens()));
    return stream;
  }

  /** Lets calls in progress end: their requests know nothing of a change of addresses. */
  @Override
  public void close() {
    channel.shutdown();
  }
}
