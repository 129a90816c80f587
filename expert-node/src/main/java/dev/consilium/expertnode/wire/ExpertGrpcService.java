package dev.consilium.expertnode.wire;

import dev.consilium.expertnode.execution.ExpertExecutor;
import dev.consilium.expertnode.loading.AssignException;
import dev.consilium.expertnode.loading.AssignOrder;
import dev.consilium.expertnode.loading.ExpertStore;
import dev.consilium.expertnode.loading.HeldExperts;
import dev.consilium.proto.expert.v1.AssignProgress;
import dev.consilium.proto.expert.v1.AssignRequest;
import dev.consilium.proto.expert.v1.DescribeRequest;
import dev.consilium.proto.expert.v1.DescribeResponse;
import dev.consilium.proto.expert.v1.DrainRequest;
import dev.consilium.proto.expert.v1.DrainResponse;
import dev.consilium.proto.expert.v1.ExecuteRequest;
import dev.consilium.proto.expert.v1.ExecuteResponse;
import dev.consilium.proto.expert.v1.ExpertServiceGrpc;
import dev.consilium.proto.expert.v1.LayerExperts;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.List;
import java.util.NavigableSet;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.DoubleSupplier;

/** The contract of {@code expert.proto}, method by method. */
public final class ExpertGrpcService extends ExpertServiceGrpc.ExpertServiceImplBase {

  private final NodeFacts node;
  private final ExpertStore store;
  private final ExpertExecutor executor;
  private final Admission admission;
  private final WireLimits limits;
  private final DoubleSupplier secondsPerExpertToken;
  private final Runnable onDrain;
  private final Set<ExecuteStream> streams = ConcurrentHashMap.newKeySet();

  /**
   * Offers a node.
   *
   * @param onDrain called when a drain begins: the node is no longer ready
   */
  public ExpertGrpcService(
      NodeFacts node,
      ExpertStore store,
      ExpertExecutor executor,
      WireLimits limits,
      DoubleSupplier secondsPerExpertToken,
      Runnable onDrain) {
    this.node = node;
    this.store = store;
    this.executor = executor;
    this.limits = limits;
    this.secondsPerExpertToken = secondsPerExpertToken;
    this.onDrain = onDrain;
    this.admission = new Admission(node, store, executor, limits);
  }

  @Override
  public void describe(DescribeRequest request, StreamObserver<DescribeResponse> responses) {
    HeldExperts held = store.held();
    DescribeResponse.Builder response =
        DescribeResponse.newBuilder()
            .setNode(node.name())
            .setModelFingerprint(node.modelFingerprint())
            .setDevice(node.device())
            .setMemoryBudgetBytes(store.budgetBytes())
            .setMemoryUsedBytes(store.usedBytes())
            .setEpoch(held.epoch())
            .setHiddenSize(node.hiddenSize())
            .setSecondsPerExpertToken(secondsPerExpertToken.getAsDouble())
            .setMaxTokensPerDispatch(limits.tokens())
            .setMaxMessageBytes(limits.messageBytes())
            .setDraining(executor.draining());
    held.byLayer()
        .forEach((layer, experts) ->
            response.addHeld(LayerExperts.newBuilder().setLayer(layer).addAllExperts(experts)));
    responses.onNext(response.build());
    responses.onCompleted();
  }

  @Override
  public StreamObserver<ExecuteRequest> execute(StreamObserver<ExecuteResponse> responses) {
    ServerCallStreamObserver<ExecuteResponse> call =
        (ServerCallStreamObserver<ExecuteResponse>) responses;
    ExecuteStream stream = new ExecuteStream(call, admission, streams::remove);
    streams.add(stream);
    stream.begin();
    return stream;
  }

  /** Ends all streams: the node stops. */
  public void closeStreams() {
    List.copyOf(streams).forEach(ExecuteStream::close);
  }

  @Override
  public void assign(AssignRequest request, StreamObserver<AssignProgress> responses) {
    ServerCallStreamObserver<AssignProgress> call =
        (ServerCallStreamObserver<AssignProgress>) responses;
    // Without a handler, a message to a caller that went away would be thrown back at the loading
    // thread.
    call.setOnCancelHandler(() -> {});
    Thread.ofVirtual().name("assign").start(() -> assignHere(request, call));
  }

  private void assignHere(AssignRequest request, ServerCallStreamObserver<AssignProgress> call) {
    AssignReport report = new AssignReport(call);
    try {
      HeldExperts after = store.change(order(request), report);
      call.onNext(report.last(after.epoch()));
      call.onCompleted();
    } catch (AssignException refused) {
      call.onError(
          Status.fromCode(refused.code())
              .withDescription(refused.getMessage())
              .asRuntimeException());
    } catch (RuntimeException defect) {
      call.onError(defect);
    }
  }

  private static AssignOrder order(AssignRequest request) {
    return new AssignOrder(
        byLayer(request.getLoadList()),
        byLayer(request.getDropList()),
        request.getExpectedEpoch() == 0
            ? OptionalLong.empty()
            : OptionalLong.of(request.getExpectedEpoch()));
  }

  private static SortedMap<Integer, NavigableSet<Integer>> byLayer(List<LayerExperts> layers) {
    SortedMap<Integer, NavigableSet<Integer>> experts = new TreeMap<>();
    layers.forEach(layer ->
        experts
            .computeIfAbsent(layer.getLayer(), _ -> new TreeSet<>())
            .addAll(layer.getExpertsList()));
    return experts;
  }

  @Override
  public void drain(DrainRequest request, StreamObserver<DrainResponse> responses) {
    ((ServerCallStreamObserver<DrainResponse>) responses).setOnCancelHandler(() -> {});
    long millis = Integer.toUnsignedLong(request.getTimeoutMillis());
    Duration timeout = millis == 0 ? limits.drainTimeout() : Duration.ofMillis(millis);
    onDrain.run();
    Thread.ofVirtual().name("drain").start(() -> drainHere(timeout, responses));
  }

  private void drainHere(Duration timeout, StreamObserver<DrainResponse> responses) {
    try {
      int abandoned = executor.drain(timeout);
      responses.onNext(DrainResponse.newBuilder().setAbandoned(abandoned).build());
      responses.onCompleted();
    } catch (InterruptedException stopped) {
      responses.onError(Status.UNAVAILABLE.withDescription("the node stops").asRuntimeException());
    }
  }
}
