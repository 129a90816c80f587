package dev.consilium.expertnode;

import dev.consilium.proto.expert.v1.ExecuteRequest;
import dev.consilium.proto.expert.v1.ExecuteResponse;
import dev.consilium.proto.expert.v1.ExpertServiceGrpc;
import io.grpc.Channel;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A router's end of an Execute stream. */
public final class RouterStream
    implements ClientResponseObserver<ExecuteRequest, ExecuteResponse>, AutoCloseable {

  private static final long PATIENCE_SECONDS = 30;

  private final BlockingQueue<ExecuteResponse> responses = new LinkedBlockingQueue<>();
  private final CompletableFuture<Status> end = new CompletableFuture<>();
  private final CompletableFuture<ClientCallStreamObserver<ExecuteRequest>> call =
      new CompletableFuture<>();
  private final boolean reading;

  private RouterStream(boolean reading) {
    this.reading = reading;
  }

  public static RouterStream open(Channel channel) {
    RouterStream stream = new RouterStream(true);
    ExpertServiceGrpc.newStub(channel).execute(stream);
    return stream;
  }

  /** A router that sends and does not read until it is told to. */
  public static RouterStream openWithoutReading(Channel channel) {
    RouterStream stream = new RouterStream(false);
    ExpertServiceGrpc.newStub(channel).execute(stream);
    return stream;
  }

  @Override
  public void beforeStart(ClientCallStreamObserver<ExecuteRequest> started) {
    if (!reading) {
      started.disableAutoRequestWithInitial(0);
    }
    call.complete(started);
  }

  public void send(ExecuteRequest request) {
    call.join().onNext(request);
  }

  public void read(int messages) {
    call.join().request(messages);
  }

  public void cancel() {
    call.join().cancel("the test has seen enough", null);
  }

  public void halfClose() {
    call.join().onCompleted();
  }

  public ExecuteResponse receive() throws InterruptedException {
    ExecuteResponse response = responses.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    if (response == null) {
      throw new AssertionError("no answer; the stream " + (end.isDone() ? end.join() : "is open"));
    }
    return response;
  }

  public ExecuteResponse ask(ExecuteRequest request) throws InterruptedException {
    send(request);
    return receive();
  }

  public Status awaitEnd() {
    return end.orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join();
  }

  public boolean isOpen() {
    return !end.isDone();
  }

  @Override
  public void onNext(ExecuteResponse response) {
    responses.add(response);
  }

  @Override
  public void onError(Throwable failed) {
    end.complete(Status.fromThrowable(failed));
  }

  @Override
  public void onCompleted() {
    end.complete(Status.OK);
  }

  @Override
  public void close() {
    cancel();
  }
}
