package dev.consilium.gateway;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.proto.router.v1.Finish;
import dev.consilium.proto.router.v1.FinishReason;
import dev.consilium.proto.router.v1.GenerateRequest;
import dev.consilium.proto.router.v1.GenerateResponse;
import dev.consilium.proto.router.v1.RouterServiceGrpc;
import dev.consilium.proto.router.v1.StatusRequest;
import dev.consilium.proto.router.v1.StatusResponse;
import dev.consilium.proto.router.v1.Token;
import dev.consilium.proto.router.v1.UtilisationRequest;
import dev.consilium.proto.router.v1.UtilisationResponse;
import dev.consilium.testkit.Fixtures;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/** A router on a loopback port that says what a test tells it to. */
final class FakeRouter extends RouterServiceGrpc.RouterServiceImplBase implements AutoCloseable {
  private static final String FINGERPRINT = fingerprint();

  /** What it answers: tokens, then an end. */
  record Answer(List<Token> tokens, Ending ending) {
    static Answer of(int... ids) {
      return new Answer(tokens(ids), Ending.LENGTH);
    }

    Answer ending(Ending other) {
      return new Answer(tokens, other);
    }

    private static List<Token> tokens(int... ids) {
      List<Token> tokens = new ArrayList<>();
      for (int id : ids) {
        tokens.add(Token.newBuilder().setId(id).build());
      }
      return tokens;
    }
  }

  /** How a stream ends after its tokens. */
  sealed interface Ending {
    Ending LENGTH = new Finished(FinishReason.FINISH_REASON_LENGTH);
    Ending STOP = new Finished(FinishReason.FINISH_REASON_STOP);

    /** Orderly. */
    record Finished(FinishReason reason) implements Ending {}

    /** With an error. */
    record Failed(Status status) implements Ending {}

    /** Not at all: only cancelling ends it. */
    record Never() implements Ending {}

    /** Not at all: the last token comes again and again, as fast as it is taken. */
    record Endless() implements Ending {}

    /** Without a finish, against the contract. */
    record Silent() implements Ending {}
  }

  private final Server server;
  private final BlockingQueue<GenerateRequest> requests = new LinkedBlockingQueue<>();
  private final BlockingQueue<Metadata> headers = new LinkedBlockingQueue<>();
  private final Semaphore cancelled = new Semaphore(0);
  private final AtomicLong sent = new AtomicLong();
  private volatile Function<GenerateRequest, Answer> script = _ -> Answer.of(1);
  private volatile StatusResponse status =
      StatusResponse.newBuilder()
          .setRouter("fake")
          .setModelFingerprint(FINGERPRINT)
          .setContextLength(512)
          .setVocabularySize(4096)
          .setKvBlocksTotal(100)
          .setKvBlocksFree(100)
          .setReady(true)
          .build();
  private volatile UtilisationResponse utilisation = UtilisationResponse.getDefaultInstance();

  private FakeRouter(int port) throws IOException {
    server =
        NettyServerBuilder.forAddress(
                new InetSocketAddress(java.net.InetAddress.getLoopbackAddress(), port))
            .addService(this)
            .intercept(new HeaderRecorder())
            .build()
            .start();
  }

  static FakeRouter start() throws IOException {
    return new FakeRouter(0);
  }

  static FakeRouter startAt(int port) throws IOException {
    return new FakeRouter(port);
  }

  private static String fingerprint() {
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.demoModel())) {
      return checkpoint.fingerprint();
    }
  }

  int port() {
    return server.getPort();
  }

  void answers(Function<GenerateRequest, Answer> how) {
    script = how;
  }

  void answers(Answer always) {
    script = _ -> always;
  }

  StatusResponse status() {
    return status;
  }

  void reports(StatusResponse newStatus) {
    status = newStatus;
  }

  void reports(UtilisationResponse counts) {
    utilisation = counts;
  }

  /** The next request it got; fails if none comes. */
  GenerateRequest request() throws InterruptedException {
    GenerateRequest request = requests.poll(10, TimeUnit.SECONDS);
    if (request == null) {
      throw new AssertionError("no request came to the router within 10 s");
    }
    return request;
  }

  /** The headers of the next generation it got. */
  Metadata headers() throws InterruptedException {
    Metadata metadata = headers.poll(10, TimeUnit.SECONDS);
    if (metadata == null) {
      throw new AssertionError("no request came to the router within 10 s");
    }
    return metadata;
  }

  int requestsWaiting() {
    return requests.size();
  }

  /** Waits until a stream was cancelled by the gateway; false if that does not happen. */
  boolean awaitCancelled() throws InterruptedException {
    return cancelled.tryAcquire(10, TimeUnit.SECONDS);
  }

  /** Streams that the gateway cancelled and nobody awaited. */
  int cancelledNow() {
    return cancelled.availablePermits();
  }

  /** Messages handed to the network, over all streams. */
  long sent() {
    return sent.get();
  }

  @Override
  public void generate(GenerateRequest request, StreamObserver<GenerateResponse> observer) {
    requests.add(request);
    new Stream(script.apply(request), (ServerCallStreamObserver<GenerateResponse>) observer)
        .start();
  }

  @Override
  public void status(StatusRequest request, StreamObserver<StatusResponse> observer) {
    observer.onNext(status);
    observer.onCompleted();
  }

  @Override
  public void utilisation(
      UtilisationRequest request, StreamObserver<UtilisationResponse> observer) {
    observer.onNext(utilisation);
    observer.onCompleted();
  }

  @Override
  public void close() {
    server.shutdownNow();
    try {
      server.awaitTermination(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** One sequence; gRPC calls it back on one thread at a time. */
  private final class Stream {
    private final Answer answer;
    private final ServerCallStreamObserver<GenerateResponse> observer;
    private int next;
    private boolean over;

    Stream(Answer answer, ServerCallStreamObserver<GenerateResponse> observer) {
      this.answer = answer;
      this.observer = observer;
    }

    void start() {
      observer.setOnCancelHandler(cancelled::release);
      observer.setOnReadyHandler(this::send);
    }

    private void send() {
      while (!over && observer.isReady() && !observer.isCancelled()) {
        if (next < answer.tokens().size()) {
          emit(answer.tokens().get(next++));
        } else {
          end();
        }
      }
    }

    private void emit(Token token) {
      sent.incrementAndGet();
      observer.onNext(GenerateResponse.newBuilder().setToken(token).build());
    }

    private void end() {
      over = !(answer.ending() instanceof Ending.Endless);
      switch (answer.ending()) {
        case Ending.Finished(FinishReason reason) -> {
          Finish finish = Finish.newBuilder().setReason(reason).setCachedTokens(2).build();
          observer.onNext(GenerateResponse.newBuilder().setFinish(finish).build());
          observer.onCompleted();
        }
        case Ending.Failed(Status failure) -> observer.onError(failure.asRuntimeException());
        case Ending.Never _ -> {}
        case Ending.Endless _ -> emit(answer.tokens().getLast());
        case Ending.Silent _ -> observer.onCompleted();
      }
    }
  }

  private final class HeaderRecorder implements ServerInterceptor {
    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, R> call, Metadata metadata, ServerCallHandler<Q, R> handler) {
      if (call.getMethodDescriptor()
          .getFullMethodName()
          .equals(RouterServiceGrpc.getGenerateMethod().getFullMethodName())) {
        headers.add(metadata);
      }
      return handler.startCall(call, metadata);
    }
  }
}
