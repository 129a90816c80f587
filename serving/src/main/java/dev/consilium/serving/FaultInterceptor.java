package dev.consilium.serving;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Turns an exception that a handler did not expect into INTERNAL with a message, and logs it once.
 *
 * <p>The library alone would answer UNKNOWN without a word. An exception that carries a status is
 * an answer, not a defect: it is sent as it is and not logged.
 */
final class FaultInterceptor implements ServerInterceptor {

  private static final System.Logger LOG = System.getLogger(FaultInterceptor.class.getName());

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    Guarded<Q, R> guarded = new Guarded<>(call);
    try {
      return new Watched<>(next.startCall(guarded, headers), guarded);
    } catch (RuntimeException fault) {
      guarded.fail(fault);
      return new ServerCall.Listener<>() {};
    }
  }

  private static Status statusOf(Throwable fault, String method) {
    return switch (fault) {
      case StatusRuntimeException answered -> answered.getStatus();
      case StatusException answered -> answered.getStatus();
      default -> {
        LOG.log(System.Logger.Level.ERROR, "defect while serving " + method, fault);
        yield Status.INTERNAL
            .withDescription("defect while serving %s: %s".formatted(method, fault))
            .withCause(fault);
      }
    };
  }

  /** A call that ends once, however many of the handler's threads try to end it. */
  private static final class Guarded<Q, R> extends SimpleForwardingServerCall<Q, R> {

    private final AtomicBoolean ended = new AtomicBoolean();

    Guarded(ServerCall<Q, R> call) {
      super(call);
    }

    void fail(Throwable fault) {
      Status status = statusOf(fault, getMethodDescriptor().getFullMethodName());
      if (ended.compareAndSet(false, true)) {
        super.close(status, new Metadata());
      }
    }

    @Override
    public void sendMessage(R message) {
      if (!ended.get()) {
        super.sendMessage(message);
      }
    }

    @Override
    public void close(Status status, Metadata trailers) {
      Throwable cause = status.getCause();
      // Stub observers turn onError(anything) into UNKNOWN with the exception as its cause.
      boolean defect = status.getCode() == Status.Code.UNKNOWN && cause != null;
      Status told =
          defect && cause != null
              ? statusOf(cause, getMethodDescriptor().getFullMethodName())
              : status;
      if (ended.compareAndSet(false, true)) {
        super.close(told, trailers);
      }
    }
  }

  private static final class Watched<Q> extends SimpleForwardingServerCallListener<Q> {

    private final Guarded<Q, ?> call;

    Watched(ServerCall.Listener<Q> listener, Guarded<Q, ?> call) {
      super(listener);
      this.call = call;
    }

    @Override
    public void onMessage(Q message) {
      watch(() -> super.onMessage(message));
    }

    @Override
    public void onHalfClose() {
      watch(super::onHalfClose);
    }

    @Override
    public void onCancel() {
      watch(super::onCancel);
    }

    @Override
    public void onComplete() {
      watch(super::onComplete);
    }

    @Override
    public void onReady() {
      watch(super::onReady);
    }

    private void watch(Runnable callback) {
      try {
        callback.run();
      } catch (RuntimeException | AssertionError fault) {
        call.fail(fault);
      }
    }
  }
}
