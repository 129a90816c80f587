package dev.consilium.router.wire;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.proto.expert.v1.Computed;
import dev.consilium.proto.expert.v1.DescribeRequest;
import dev.consilium.proto.expert.v1.DescribeResponse;
import dev.consilium.proto.expert.v1.ExecuteRequest;
import dev.consilium.proto.expert.v1.ExecuteResponse;
import dev.consilium.proto.expert.v1.ExpertServiceGrpc;
import dev.consilium.proto.tensor.v1.Tensor;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** The server side of an expert node's contract, played by the test. */
final class ScriptedNode extends ExpertServiceGrpc.ExpertServiceImplBase implements AutoCloseable {
  private static final int PATIENCE_SECONDS = 30;

  /** One Execute stream as the server sees it. */
  static final class Stream {
    private final BlockingQueue<ExecuteRequest> requests = new LinkedBlockingQueue<>();
    final StreamObserver<ExecuteResponse> responses;

    Stream(StreamObserver<ExecuteResponse> responses) {
      this.responses = responses;
    }

    ExecuteRequest next() throws InterruptedException {
      return taken(requests);
    }

    void answer(ExecuteRequest request, Tensor outputs) {
      responses.onNext(
          ExecuteResponse.newBuilder()
              .setId(request.getId())
              .setComputed(
                  Computed.newBuilder().setOutputs(outputs).setQueueNanos(3).setComputeNanos(4))
              .build());
    }
  }

  private final BlockingQueue<Stream> streams = new LinkedBlockingQueue<>();
  private final Server server;
  private final ManagedChannel channel;
  private volatile boolean refuseStreams;
  private volatile boolean deadAtBirth;
  private volatile DescribeResponse description = DescribeResponse.getDefaultInstance();

  ScriptedNode() throws IOException {
    String name = InProcessServerBuilder.generateName();
    server = InProcessServerBuilder.forName(name).addService(this).build().start();
    channel =
        InProcessChannelBuilder.forName(name).directExecutor().intercept(new Births()).build();
  }

  ManagedChannel channel() {
    return channel;
  }

  void refuseStreams(boolean refuse) {
    refuseStreams = refuse;
  }

  /** Whether calls end before starting them has returned, as on a network thread of its own. */
  void deadAtBirth(boolean dead) {
    deadAtBirth = dead;
  }

  private final class Births implements ClientInterceptor {
    @Override
    public <Q, R> ClientCall<Q, R> interceptCall(
        MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
      boolean dead = deadAtBirth;
      return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
        @Override
        public void start(Listener<R> listener, Metadata headers) {
          if (dead) {
            listener.onClose(Status.UNAVAILABLE.withDescription("stillborn"), new Metadata());
          } else {
            super.start(listener, headers);
          }
        }

        @Override
        public void request(int messages) {
          if (!dead) {
            super.request(messages);
          }
        }

        @Override
        public void sendMessage(Q message) {
          if (!dead) {
            super.sendMessage(message);
          }
        }
      };
    }
  }

  void describeAs(DescribeResponse response) {
    description = response;
  }

  Stream nextStream() throws InterruptedException {
    return taken(streams);
  }

  boolean hasAnotherStream() {
    return !streams.isEmpty();
  }

  private static <T> T taken(BlockingQueue<T> queue) throws InterruptedException {
    T next = queue.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    assertThat(next).as("something arrives at the node").isNotNull();
    return next;
  }

  @Override
  public void describe(DescribeRequest request, StreamObserver<DescribeResponse> responses) {
    responses.onNext(description);
    responses.onCompleted();
  }

  @Override
  public StreamObserver<ExecuteRequest> execute(StreamObserver<ExecuteResponse> responses) {
    Stream stream = new Stream(responses);
    if (refuseStreams) {
      responses.onError(Status.UNAVAILABLE.withDescription("not yet").asRuntimeException());
    } else {
      streams.add(stream);
    }
    return new StreamObserver<>() {
      @Override
      public void onNext(ExecuteRequest request) {
        stream.requests.add(request);
      }

      @Override
      public void onError(Throwable failure) {
        // The client has gone, as some tests want.
      }

      @Override
      public void onCompleted() {
        responses.onCompleted();
      }
    };
  }

  @Override
  public void close() {
    channel.shutdownNow();
    server.shutdownNow();
  }
}
