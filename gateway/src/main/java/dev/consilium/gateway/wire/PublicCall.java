package dev.consilium.gateway.wire;

import dev.consilium.gateway.generation.Cancellation;
import dev.consilium.proto.inference.v1.GenerateResponse;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One streaming call of the public service: gRPC's callbacks on one side, the thread that answers
 * on the other. To be made before the handler returns, as gRPC demands of its callbacks.
 */
final class PublicCall {
  private final ServerCallStreamObserver<GenerateResponse> caller;
  private final Cancellation cancellation = new Cancellation();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition ready = lock.newCondition();

  PublicCall(ServerCallStreamObserver<GenerateResponse> caller) {
    this.caller = caller;
    cancellation.onCancel(this::wake);
    caller.setOnCancelHandler(cancellation::cancel);
    caller.setOnReadyHandler(this::wake);
  }

  private void wake() {
    lock.lock();
    try {
      ready.signalAll();
    } finally {
      lock.unlock();
    }
  }

  ServerCallStreamObserver<GenerateResponse> caller() {
    return caller;
  }

  Cancellation cancellation() {
    return cancellation;
  }

  ReentrantLock lock() {
    return lock;
  }

  Condition ready() {
    return ready;
  }
}
