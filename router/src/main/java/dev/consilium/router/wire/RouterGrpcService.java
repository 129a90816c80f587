package dev.consilium.router.wire;

import dev.consilium.proto.router.v1.GenerateRequest;
import dev.consilium.proto.router.v1.GenerateResponse;
import dev.consilium.proto.router.v1.RouterServiceGrpc;
import dev.consilium.proto.router.v1.StatusRequest;
import dev.consilium.proto.router.v1.StatusResponse;
import dev.consilium.proto.router.v1.UtilisationRequest;
import dev.consilium.proto.router.v1.UtilisationResponse;
import dev.consilium.router.Router;
import dev.consilium.router.RouterState;
import dev.consilium.router.scheduling.Engine;
import dev.consilium.router.scheduling.GenerationListener;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.context.Context;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The router's contract over gRPC. */
public final class RouterGrpcService extends RouterServiceGrpc.RouterServiceImplBase
    implements AutoCloseable {
  private static final int SHORTEST_INTERVAL_MILLIS = 100;
  private static final int MOST_ID_CHARS = 128;

  /** What an answer's slow reader may leave in this process's memory. */
  private static final int MOST_UNREAD_BYTES = 4 << 20;

  private final RouterState state;
  private final int mostUnreadBytes;
  private final ScheduledThreadPoolExecutor timer =
      new ScheduledThreadPoolExecutor(
          1, Thread.ofPlatform().name("router-utilisation").daemon().factory());

  public RouterGrpcService(RouterState state) {
    this(state, MOST_UNREAD_BYTES);
  }

  RouterGrpcService(RouterState state, int mostUnreadBytes) {
    this.state = state;
    this.mostUnreadBytes = mostUnreadBytes;
    // A reader that asks for one snapshot a month and leaves must not be remembered for a month.
    timer.setRemoveOnCancelPolicy(true);
  }

  @Override
  public void generate(GenerateRequest request, StreamObserver<GenerateResponse> responses) {
    ServerCallStreamObserver<GenerateResponse> call =
        (ServerCallStreamObserver<GenerateResponse>) responses;
    Answer answer = new Answer(call, mostUnreadBytes);
    call.setOnCancelHandler(answer::cancel);
    nameSpan(request.getRequestId());
    try {
      Router router = state.router();
      answer.started(
          router
              .engine()
              .submit(Requests.toGeneration(request, router.engine(), Context.current()), answer));
    } catch (IllegalArgumentException e) {
      call.onError(Status.INVALID_ARGUMENT.withDescription(e.getMessage()).asRuntimeException());
    } catch (StatusRuntimeException e) {
      call.onError(e);
    }
  }

  /** What an operator looks for who has the id of an answer. */
  private static void nameSpan(String requestId) {
    if (!requestId.isEmpty()) {
      Span.current()
          .setAttribute(
              "consilium.request.id",
              requestId.substring(0, Math.min(MOST_ID_CHARS, requestId.length())));
    }
  }

  /**
   * Writes an answer to a call. What a slow reader has not taken waits in the call's buffer, up to
   * a bound; a reader that falls further behind is cut off.
   */
  private static final class Answer implements GenerationListener {
    private final ServerCallStreamObserver<GenerateResponse> call;
    private final int mostUnreadBytes;
    private volatile Engine.@Nullable Handle handle;
    private volatile boolean cutOff;
    private long unreadBytes; // of the engine's thread alone

    Answer(ServerCallStreamObserver<GenerateResponse> call, int mostUnreadBytes) {
      this.call = call;
      this.mostUnreadBytes = mostUnreadBytes;
    }

    void started(Engine.Handle submitted) {
      handle = submitted;
      if (call.isCancelled() || cutOff) { // before there was a handle to cancel
        submitted.cancel();
      }
    }

    void cancel() {
      Engine.Handle submitted = handle;
      if (submitted != null) {
        submitted.cancel();
      }
    }

    @Override
    public void onToken(GeneratedToken token) {
      if (call.isCancelled() || cutOff) {
        return;
      }
      GenerateResponse response = Responses.token(token);
      unreadBytes = call.isReady() ? 0 : unreadBytes + response.getSerializedSize();
      if (unreadBytes > mostUnreadBytes) {
        cutOff();
      } else {
        call.onNext(response);
      }
    }

    private void cutOff() {
      cutOff = true;
      call.onError(
          Status.RESOURCE_EXHAUSTED
              .withDescription(
                  "more than %d bytes of the answer wait for their reader: read faster"
                      .formatted(mostUnreadBytes))
              .asRuntimeException());
      cancel();
    }

    @Override
    public void onFinish(Finish finish) {
      if (!call.isCancelled() && !cutOff) {
        call.onNext(Responses.finish(finish));
        call.onCompleted();
      }
    }

    @Override
    public void onFailure(Status status) {
      if (!call.isCancelled() && !cutOff) {
        call.onError(status.asRuntimeException());
      }
    }
  }

  @Override
  public void status(StatusRequest request, StreamObserver<StatusResponse> responses) {
    responses.onNext(Responses.status(state));
    responses.onCompleted();
  }

  @Override
  public void utilisation(
      UtilisationRequest request, StreamObserver<UtilisationResponse> responses) {
    ServerCallStreamObserver<UtilisationResponse> call =
        (ServerCallStreamObserver<UtilisationResponse>) responses;
    int interval = request.getIntervalMillis();
    if (interval != 0 && interval < SHORTEST_INTERVAL_MILLIS) {
      call.onError(
          Status.INVALID_ARGUMENT
              .withDescription(
                  "interval_millis is %s: must be 0 (one snapshot) or %d to %d"
                      .formatted(
                          Integer.toUnsignedString(interval),
                          SHORTEST_INTERVAL_MILLIS,
                          Integer.MAX_VALUE))
              .asRuntimeException());
      return;
    }
    call.onNext(Responses.utilisation(state.utilisation()));
    if (interval == 0) {
      call.onCompleted();
      return;
    }
    Future<?> ticks =
        timer.scheduleAtFixedRate(() -> tick(call), interval, interval, TimeUnit.MILLISECONDS);
    call.setOnCancelHandler(() -> ticks.cancel(false));
  }

  /** A reader that has not taken the last snapshots misses some: each one is complete. */
  private void tick(ServerCallStreamObserver<UtilisationResponse> call) {
    if (call.isReady() && !call.isCancelled()) {
      call.onNext(Responses.utilisation(state.utilisation()));
    }
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
