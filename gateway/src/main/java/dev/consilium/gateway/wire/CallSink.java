package dev.consilium.gateway.wire;

import dev.consilium.gateway.generation.Cancellation;
import dev.consilium.gateway.generation.Completion;
import dev.consilium.gateway.generation.Delta;
import dev.consilium.gateway.generation.Fault;
import dev.consilium.gateway.generation.GenerationSink;
import dev.consilium.gateway.generation.ServedModel;
import dev.consilium.proto.inference.v1.GenerateResponse;
import io.grpc.stub.ServerCallStreamObserver;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Sends a generation's only choice to a gRPC caller, no faster than the caller reads. */
final class CallSink implements GenerationSink {
  private final ServerCallStreamObserver<GenerateResponse> caller;
  private final Cancellation cancellation;
  private final ServedModel model;
  private final int promptTokens;
  private final Duration stall;
  private final ReentrantLock lock;
  private final Condition ready;

  CallSink(PublicCall call, ServedModel model, int promptTokens, Duration stall) {
    this.caller = call.caller();
    this.cancellation = call.cancellation();
    this.lock = call.lock();
    this.ready = call.ready();
    this.model = model;
    this.promptTokens = promptTokens;
    this.stall = stall;
  }

  @Override
  public void delta(int choice, Delta delta) throws InterruptedException {
    awaitReady();
    caller.onNext(PublicResponses.encode(delta, model));
  }

  @Override
  public void finish(int choice, Completion completion) throws InterruptedException {
    awaitReady();
    caller.onNext(PublicResponses.encode(completion, promptTokens));
  }

  @Override
  public void flush() {}

  private void awaitReady() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long left = stall.toNanos();
      while (!caller.isReady() && !cancellation.cancelled() && left > 0) {
        left = ready.awaitNanos(left);
      }
      if (cancellation.cancelled()) {
        throw Cancellation.exception();
      }
      if (left <= 0) {
        throw Fault.of(
                Fault.Kind.CANCELLED, "client_stalled", "the client took nothing for " + stall)
            .exception();
      }
    } finally {
      lock.unlock();
    }
  }
}
