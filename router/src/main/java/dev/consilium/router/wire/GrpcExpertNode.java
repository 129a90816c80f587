package dev.consilium.router.wire;

import dev.consilium.model.expert.ExpertId;
import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.model.expert.RoundTo;
import dev.consilium.proto.expert.v1.DescribeRequest;
import dev.consilium.proto.expert.v1.DescribeResponse;
import dev.consilium.proto.expert.v1.ExecuteRequest;
import dev.consilium.proto.expert.v1.ExecuteResponse;
import dev.consilium.proto.expert.v1.ExpertServiceGrpc;
import dev.consilium.proto.expert.v1.LayerExperts;
import dev.consilium.router.dispatch.ExpertNode;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * An expert node reached over one long-lived Execute stream.
 *
 * <p>The stream is opened with the first dispatch and again after it broke. When it breaks, every
 * dispatch without an answer is refused with UNAVAILABLE; what to do about that is the dispatcher's
 * to decide.
 */
final class GrpcExpertNode implements ExpertNode {
  private static final long MESSAGE_FRAME_BYTES = 1024;

  private final String address;
  private final ManagedChannel channel;
  private final int hiddenSize;
  private final RoundTo dtype;
  private final Duration timeout;

  // Guarded by this.
  private final Map<Long, Waiting> waiting = new HashMap<>();
  private @Nullable Stream stream;
  private long nextId = 1;

  private record Waiting(int rows, CompletableFuture<Reply> reply) {}

  /**
   * @param channel to the node; closed with this
   * @param timeout after which a node without an answer counts as gone
   */
  GrpcExpertNode(
      String address, ManagedChannel channel, int hiddenSize, RoundTo dtype, Duration timeout) {
    this.address = address;
    this.channel = channel;
    this.hiddenSize = hiddenSize;
    this.dtype = dtype;
    this.timeout = timeout;
  }

  @Override
  public String address() {
    return address;
  }

  @Override
  public synchronized int inFlight() {
    return waiting.size();
  }

  @Override
  public CompletableFuture<Description> describe() {
    CompletableFuture<Description> described = new CompletableFuture<>();
    ExpertServiceGrpc.newStub(channel)
        .withDeadlineAfter(DESCRIBE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
        .describe(
            DescribeRequest.getDefaultInstance(),
            new StreamObserver<>() {
              @Override
              public void onNext(DescribeResponse response) {
                described.complete(description(response));
              }

              @Override
              public void onError(Throwable failure) {
                described.completeExceptionally(failure);
              }

              @Override
              public void onCompleted() {
                // A unary call completes after its one response.
              }
            });
    return described;
  }

  private static Description description(DescribeResponse response) {
    Set<ExpertId> held = new HashSet<>();
    for (LayerExperts layer : response.getHeldList()) {
      layer.getExpertsList().forEach(index -> held.add(new ExpertId(layer.getLayer(), index)));
    }
    return new Description(
        response.getNode(),
        response.getModelFingerprint(),
        response.getDevice(),
        response.getEpoch(),
        Set.copyOf(held),
        new Limits(
            response.getHiddenSize(), response.getMaxTokensPerDispatch(), answerRows(response)),
        response.getDraining());
  }

  /** How many rows of f32 fit a message, with room for what is around them. */
  private static long answerRows(DescribeResponse response) {
    long rowBytes = Math.max(1, response.getHiddenSize()) * (long) Float.BYTES;
    return Math.max(0, response.getMaxMessageBytes() - MESSAGE_FRAME_BYTES) / rowBytes;
  }

  @Override
  @SuppressWarnings("FutureReturnValueIgnored") // forgetting an answered request throws nothing
  public CompletableFuture<Reply> execute(Dispatch dispatch) {
    CompletableFuture<Reply> reply = new CompletableFuture<>();
    int rows = dispatch.work().stream().mapToInt(ExpertTokens::count).sum();
    ExecuteRequest.Builder request = request(dispatch);
    Stream used;
    synchronized (this) {
      long id = nextId++;
      waiting.put(id, new Waiting(rows, reply));
      reply.whenComplete((answer, failure) -> forget(id));
      if (stream == null) {
        stream = new Stream();
      }
      used = stream;
      used.send(request.setId(id).build());
    }
    used.ended().ifPresent(why -> broken(used, why));
    return reply.completeOnTimeout(
        new Refused(
            Status.UNAVAILABLE.withDescription(
                address + " did not answer within " + timeout.toMillis() + " ms")),
        timeout.toMillis(),
        TimeUnit.MILLISECONDS);
  }

  private synchronized void forget(long id) {
    waiting.remove(id);
  }

  private ExecuteRequest.Builder request(Dispatch dispatch) {
    ExecuteRequest.Builder request =
        ExecuteRequest.newBuilder()
            .setLayer(dispatch.layer())
            .setHidden(Tensors.encode(dispatch.hidden(), dispatch.rows(), dtype, dispatch.epoch()))
            .setResponseDtype(Tensors.dtype(dtype))
            .setTimeoutMillis((int) timeout.toMillis())
            .setTraceparent(dispatch.traceparent());
    for (ExpertTokens work : dispatch.work()) {
      dev.consilium.proto.expert.v1.ExpertTokens.Builder tokens =
          request.addExpertsBuilder().setExpert(work.expert());
      for (int place = 0; place < work.count(); place++) {
        tokens.addTokens(work.token(place)).addWeights(work.weight(place));
      }
    }
    return request;
  }

  private void answer(ExecuteResponse response) {
    Waiting asked;
    synchronized (this) {
      asked = waiting.remove(response.getId());
    }
    if (asked == null) {
      return; // its time was over
    }
    asked.reply().complete(reply(response, asked.rows()));
  }

  private Reply reply(ExecuteResponse response, int rows) {
    BiFunction<Status.Code, String, Reply> refuse =
        (code, message) -> new Refused(code.toStatus().withDescription(address + ": " + message));
    return switch (response.getOutcomeCase()) {
      case COMPUTED -> {
        try {
          yield new Computed(
              Tensors.decode(response.getComputed().getOutputs(), rows, hiddenSize, dtype),
              response.getComputed().getQueueNanos(),
              response.getComputed().getComputeNanos());
        } catch (IllegalArgumentException e) {
          yield refuse.apply(Status.Code.INTERNAL, "answered with a wrong " + e.getMessage());
        }
      }
      case REFUSED ->
          refuse.apply(
              Status.fromCodeValue(response.getRefused().getCode()).getCode(),
              response.getRefused().getMessage());
      case OUTCOME_NOT_SET -> refuse.apply(Status.Code.INTERNAL, "answered without an outcome");
    };
  }

  /** Ends a broken stream: whatever waits on it will not be answered. */
  private void broken(Stream ended, Status why) {
    List<Waiting> lost;
    ended.end(why);
    synchronized (this) {
      if (stream != ended) {
        return;
      }
      stream = null;
      lost = List.copyOf(waiting.values());
      waiting.clear();
    }
    Status status =
        Status.UNAVAILABLE.withDescription(
            "the connection to "
                + address
                + " broke: "
                + why.getCode()
                + " "
                + why.getDescription());
    lost.forEach(asked -> asked.reply().complete(new Refused(status)));
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }

  /** One Execute call. Sends under the node's lock, receives on gRPC's threads. */
  private final class Stream implements StreamObserver<ExecuteResponse> {
    private final StreamObserver<ExecuteRequest> requests;
    // A call may end before its constructor has returned, when nobody knows the stream yet.
    private volatile @Nullable Status ended;

    Stream() {
      requests = ExpertServiceGrpc.newStub(channel).execute(this);
    }

    void end(Status why) {
      ended = why;
    }

    Optional<Status> ended() {
      return Optional.ofNullable(ended);
    }

    void send(ExecuteRequest request) {
      requests.onNext(request);
    }

    @Override
    public void onNext(ExecuteResponse response) {
      answer(response);
    }

    @Override
    public void onError(Throwable failure) {
      broken(this, Status.fromThrowable(failure));
    }

    @Override
    public void onCompleted() {
      broken(this, Status.UNAVAILABLE.withDescription("the node ended the stream"));
    }
  }
}
