package dev.consilium.expertnode.wire;

import static dev.consilium.expertnode.Dispatches.one;
import static dev.consilium.expertnode.wire.ServiceUnderTest.EPOCH;
import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.expertnode.Dispatches;
import dev.consilium.expertnode.RouterStream;
import dev.consilium.expertnode.execution.ExecutionLimits;
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
import dev.consilium.proto.tensor.v1.DType;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ExecuteStreamFaultTest {

  @Test
  void execute_idTwiceUnanswered_endsTheStreamAndDropsItsQueue() throws Exception {
    try (ServiceUnderTest service = new ServiceUnderTest();
        RouterStream router = RouterStream.open(service.channel)) {
      router.send(one(1, EPOCH, 1, 0, 1f, 1f).build());
      service.weights.awaitBegun();
      router.send(one(2, EPOCH, 1, 0, 1f, 1f).build());
      router.send(one(2, EPOCH, 1, 0, 1f, 1f).build());
      assertThat(router.awaitEnd().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
      assertThat(router.awaitEnd().getDescription()).contains("dispatch id 2");
      service.weights.allow(2);
      assertThat(service.executor.drain(java.time.Duration.ofSeconds(30))).isZero();
      assertThat(service.weights.computed).containsExactly(1);
      assertThat(service.weights.held).isZero();
    }
  }

  @Test
  void execute_noId_endsTheStream() throws Exception {
    try (ServiceUnderTest service = new ServiceUnderTest();
        RouterStream router = RouterStream.open(service.channel)) {
      router.send(one(0, EPOCH, 1, 0, 1f, 1f).build());
      assertThat(router.awaitEnd().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    }
  }

  @Test
  void execute_idUsedAgainAfterAnswer_isComputed() throws Exception {
    try (ServiceUnderTest service = new ServiceUnderTest();
        RouterStream router = RouterStream.open(service.channel)) {
      service.weights.allow(2);
      assertThat(router.ask(one(1, EPOCH, 1, 0, 1f, 1f).build()).hasComputed()).isTrue();
      assertThat(router.ask(one(1, EPOCH, 1, 0, 1f, 1f).build()).hasComputed()).isTrue();
    }
  }

  @Test
  void execute_sameLayerFromTwoRouters_isOneComputationAnsweredSeparately() throws Exception {
    try (ServiceUnderTest service = new ServiceUnderTest();
        RouterStream first = RouterStream.open(service.channel);
        RouterStream second = RouterStream.open(service.channel)) {
      first.send(one(1, EPOCH, 2, 0, 9f, 9f).build());
      service.weights.awaitBegun();
      first.send(one(2, EPOCH, 1, 3, 1f, 2f).build());
      second.send(one(2, EPOCH, 1, 0, 3f, 4f).build());
      second.send(one(3, EPOCH, 2, 1, 5f, 6f).build());
      service.weights.allow(3);
      assertThat(first.receive().getId()).isEqualTo(1);
      assertThat(outputs(first.receive())).containsExactly(4f, 8f);
      assertThat(outputs(second.receive())).containsExactly(3f, 4f);
      assertThat(outputs(second.receive())).containsExactly(10f, 12f);
      assertThat(service.weights.computed).containsExactly(1, 2, 1);
    }
  }

  @Test
  void execute_bf16Answer_isRoundedOnce() throws Exception {
    try (ServiceUnderTest service = new ServiceUnderTest();
        RouterStream router = RouterStream.open(service.channel)) {
      service.weights.allow(1);
      ExecuteResponse response =
          router.ask(one(1, EPOCH, 1, 0, 0x1.01p0f, 2f).setResponseDtype(DType.DTYPE_BF16).build());
      assertThat(response.getComputed().getOutputs().getData().toByteArray())
          .containsExactly(0x80, 0x3f, 0x00, 0x40);
      assertThat(response.getComputed().getOutputs().getShapeList()).containsExactly(1L, 2L);
    }
  }

  @Test
  void execute_cancelMidQueue_dropsItsDispatchesOnly() throws Exception {
    try (ServiceUnderTest service = new ServiceUnderTest();
        RouterStream leaving = RouterStream.open(service.channel);
        RouterStream staying = RouterStream.open(service.channel)) {
      leaving.send(one(1, EPOCH, 1, 0, 1f, 1f).build());
      service.weights.awaitBegun();
      leaving.send(one(2, EPOCH, 1, 0, 1f, 1f).build());
      staying.send(one(1, EPOCH, 1, 1, 1f, 1f).build());
      leaving.cancel();
      service.weights.allow(2);
      assertThat(staying.receive().hasComputed()).isTrue();
      assertThat(service.weights.computed).containsExactly(1, 1);
      assertThat(service.executor.drain(java.time.Duration.ofSeconds(30))).isZero();
      assertThat(service.weights.held).isZero();
    }
  }

  @Test
  void execute_waitedTooLong_isDeadlineExceededAndNotComputed() throws Exception {
    try (ServiceUnderTest service = new ServiceUnderTest();
        RouterStream router = RouterStream.open(service.channel)) {
      router.send(one(1, EPOCH, 1, 0, 1f, 1f).build());
      service.weights.awaitBegun();
      router.send(one(2, EPOCH, 1, 0, 1f, 1f).setTimeoutMillis(1).build());
      service.awaitWaiting(1);
      // The node's time begins before it admits, so it has passed a millisecond after.
      long admitted = System.nanoTime();
      while (System.nanoTime() - admitted < 2_000_000) {
        Thread.onSpinWait();
      }
      service.weights.allow(2);
      assertThat(router.receive().getId()).isEqualTo(1);
      ExecuteResponse late = router.receive();
      assertThat(late.getRefused().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED.value());
      assertThat(service.weights.computed).containsExactly(1);
    }
  }

  @Test
  void execute_queueFull_isResourceExhausted() throws Exception {
    try (ServiceUnderTest service =
            new ServiceUnderTest(new ExecutionLimits(2, 1 << 20, 64), 1 << 20);
        RouterStream router = RouterStream.open(service.channel)) {
      router.send(one(1, EPOCH, 1, 0, 1f, 1f).build());
      service.weights.awaitBegun();
      router.send(one(2, EPOCH, 1, 0, 1f, 1f).build());
      router.send(one(3, EPOCH, 1, 0, 1f, 1f).build());
      ExecuteResponse refused = router.ask(one(4, EPOCH, 1, 0, 1f, 1f).build());
      assertThat(refused.getId()).isEqualTo(4);
      assertThat(refused.getRefused().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED.value());
      service.weights.allow(2);
      assertThat(
              List.of(router.receive().getId(), router.receive().getId(), router.receive().getId()))
          .containsExactly(1L, 2L, 3L);
    }
  }

  @Test
  void execute_routerDoesNotRead_holdsNoMoreThanItsLimit() throws Exception {
    long streamBytes = 4096;
    try (ServiceUnderTest service =
            new ServiceUnderTest(new ExecutionLimits(1000, 1 << 20, 64), streamBytes);
        RouterStream silent = RouterStream.openWithoutReading(service.channel);
        RouterStream other = RouterStream.open(service.channel)) {
      service.weights.allow(1000);
      for (int id = 1; id <= 200; id++) {
        silent.send(one(id, EPOCH, 1, 0, 1f, 1f).build());
      }
      // Served after everything that the node has taken from the silent one.
      assertThat(other.ask(one(1, EPOCH, 2, 0, 1f, 1f).build()).hasComputed()).isTrue();
      assertThat(service.executor.drain(java.time.Duration.ofSeconds(30))).isZero();
      int taken = service.weights.computed.stream().mapToInt(Integer::intValue).sum() - 1;
      // Each costs 1 KiB and its tensors.
      assertThat(taken).isBetween(1, 5);
      assertThat(silent.isOpen()).isTrue();
    }
  }

  @Test
  void execute_manyAssignments_countAgainstTheStreamsLimit() throws Exception {
    // 1 KiB, hidden states of 128 bytes and 4 experts of 64 bytes and 16 pairs: 1920 bytes each.
    try (ServiceUnderTest service =
            new ServiceUnderTest(new ExecutionLimits(1000, 1 << 20, 64), 3 * 1920);
        RouterStream router = RouterStream.open(service.channel);
        RouterStream other = RouterStream.open(service.channel)) {
      other.send(one(1, EPOCH, 2, 0, 1f, 1f).build());
      service.weights.awaitBegun();
      for (int id = 1; id <= 9; id++) {
        router.send(everyTokenToEveryExpert(id));
      }
      other.send(one(2, EPOCH, 2, 0, 1f, 1f).build());
      service.awaitWaiting(3 + 1);
    }
  }

  private static ExecuteRequest everyTokenToEveryExpert(long id) {
    int[] tokens = IntStream.range(0, ServiceUnderTest.MOST_TOKENS).toArray();
    float[] ones = new float[tokens.length];
    Arrays.fill(ones, 1f);
    ExecuteRequest.Builder request =
        one(id, EPOCH, 1, 0, 1f, 1f)
            .setHidden(Dispatches.tensor(EPOCH, 2, new float[2 * tokens.length]));
    request.clearExperts();
    IntStream.range(0, 4)
        .forEach(expert -> request.addExperts(Dispatches.expert(expert, tokens, ones)));
    return request.build();
  }

  @Test
  void execute_routerReadsAgain_getsEveryAnswer() throws Exception {
    try (ServiceUnderTest service =
            new ServiceUnderTest(new ExecutionLimits(1000, 1 << 20, 64), 4096);
        RouterStream router = RouterStream.openWithoutReading(service.channel)) {
      service.weights.allow(1000);
      for (int id = 1; id <= 200; id++) {
        router.send(one(id, EPOCH, 1, 0, 1f, 1f).build());
      }
      router.halfClose();
      router.read(200);
      List<Long> ids = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        ids.add(router.receive().getId());
      }
      assertThat(ids).doesNotHaveDuplicates().hasSize(200);
      assertThat(router.awaitEnd().isOk()).isTrue();
    }
  }

  @Test
  void execute_defectWhileComputing_isInternalAndNodeGoesOn() throws Exception {
    try (ServiceUnderTest service = new ServiceUnderTest();
        RouterStream router = RouterStream.open(service.channel)) {
      service.weights.failComputing = true;
      service.weights.allow(2);
      ExecuteResponse failed = router.ask(one(1, EPOCH, 1, 0, 1f, 1f).build());
      assertThat(failed.getRefused().getCode()).isEqualTo(Status.Code.INTERNAL.value());
      assertThat(failed.getRefused().getMessage()).contains("layer 1", "broken on purpose");
      service.weights.failComputing = false;
      assertThat(router.ask(one(2, EPOCH, 1, 0, 1f, 1f).build()).hasComputed()).isTrue();
    }
  }

  @Test
  void drain_workInProgress_endsItAndRefusesNew() throws Exception {
    try (ServiceUnderTest service = new ServiceUnderTest();
        RouterStream router = RouterStream.open(service.channel)) {
      router.send(one(1, EPOCH, 1, 0, 1f, 1f).build());
      service.weights.awaitBegun();
      var blocking = ExpertServiceGrpc.newBlockingStub(service.channel);
      DrainResponse early = blocking.drain(DrainRequest.newBuilder().setTimeoutMillis(1).build());
      assertThat(early.getAbandoned()).isEqualTo(1);
      ExecuteResponse refused = router.ask(one(2, EPOCH, 1, 0, 1f, 1f).build());
      assertThat(refused.getRefused().getCode()).isEqualTo(Status.Code.UNAVAILABLE.value());
      assertThat(blocking.describe(DescribeRequest.getDefaultInstance()).getDraining()).isTrue();

      CompletableFuture<DrainResponse> drained =
          CompletableFuture.supplyAsync(() -> blocking.drain(DrainRequest.getDefaultInstance()));
      service.weights.allow(1);
      assertThat(router.receive().hasComputed()).isTrue();
      assertThat(drained.get(30, TimeUnit.SECONDS).getAbandoned()).isZero();
    }
  }

  @Test
  void assign_whileExecuting_raisesEpochAndEndsAdmittedWork() throws Exception {
    try (ServiceUnderTest service = new ServiceUnderTest();
        RouterStream router = RouterStream.open(service.channel)) {
      router.send(one(1, EPOCH, 1, 0, 1f, 1f).build());
      service.weights.awaitBegun();
      router.send(one(2, EPOCH, 1, 3, 1f, 1f).build());
      List<AssignProgress> progress = assign(service, change(EPOCH));
      assertThat(progress.getLast().getDone()).isTrue();
      assertThat(progress.getLast().getEpoch()).isEqualTo(EPOCH + 1);
      assertThat(progress.getLast().getExpertsLoaded()).isEqualTo(2);

      ExecuteResponse old = router.ask(one(3, EPOCH, 1, 0, 1f, 1f).build());
      assertThat(old.getRefused().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION.value());
      assertThat(old.getRefused().getEpoch()).isEqualTo(EPOCH + 1);
      service.weights.allow(3);
      assertThat(router.receive().getComputed().getOutputs().getEpoch()).isEqualTo(EPOCH);
      assertThat(outputs(router.receive())).containsExactly(4f, 4f);
      assertThat(outputs(router.ask(one(4, EPOCH + 1, 2, 3, 1f, 1f).build())))
          .containsExactly(4f, 4f);
    }
  }

  @Test
  void assign_again_changesNothing() throws Exception {
    try (ServiceUnderTest service = new ServiceUnderTest()) {
      assign(service, change(0));
      List<AssignProgress> again = assign(service, change(0));
      assertThat(again.getLast().getEpoch()).isEqualTo(EPOCH + 1);
      assertThat(again.getLast().getExpertsToLoad()).isZero();
    }
  }

  @Test
  void assign_wrongEpoch_isFailedPrecondition() throws Exception {
    try (ServiceUnderTest service = new ServiceUnderTest()) {
      Assertions.assertThatThrownBy(() -> assign(service, change(EPOCH + 1)))
          .isInstanceOf(StatusRuntimeException.class)
          .hasMessageContaining("FAILED_PRECONDITION")
          .hasMessageContaining("is at placement epoch 8, caller expected 9");
    }
  }

  @Test
  void describe_always_saysWhatIsHeld() throws Exception {
    try (ServiceUnderTest service = new ServiceUnderTest()) {
      DescribeResponse described =
          ExpertServiceGrpc.newBlockingStub(service.channel)
              .describe(DescribeRequest.getDefaultInstance());
      assertThat(described.getNode()).isEqualTo("node-a");
      assertThat(described.getEpoch()).isEqualTo(EPOCH);
      assertThat(described.getHeldList()).containsExactly(layer(1, 0, 1, 2, 3), layer(2, 0, 1));
      assertThat(described.getMemoryUsedBytes()).isEqualTo(600);
      assertThat(described.getMemoryBudgetBytes()).isEqualTo(1000);
      assertThat(described.getHiddenSize()).isEqualTo(2);
      assertThat(described.getMaxTokensPerDispatch()).isEqualTo(16);
      assertThat(described.getMaxMessageBytes()).isEqualTo(2048);
      assertThat(described.getSecondsPerExpertToken()).isEqualTo(0.25);
    }
  }

  @Test
  void metrics_afterDispatches_countTokensExactly() throws Exception {
    try (ServiceUnderTest service = new ServiceUnderTest();
        RouterStream router = RouterStream.open(service.channel)) {
      service.weights.allow(3);
      for (int id = 1; id <= 3; id++) {
        router.ask(one(id, EPOCH, 1, 2, 1f, 1f).build());
      }
      assertThat(service.metrics())
          .containsPattern("consilium_expert_tokens_total\\{expert=\"2\",layer=\"1\"[^}]*} 3.0")
          .contains("consilium_expert_queue_time_seconds_count")
          .contains("consilium_expert_compute_time_seconds_count");
    }
  }

  private static float[] outputs(ExecuteResponse response) {
    assertThat(response.hasComputed()).as(response.getRefused().getMessage()).isTrue();
    return Dispatches.floats(response.getComputed().getOutputs());
  }

  /** Loads the rest of layer 2, drops expert 3 of layer 1. */
  private static AssignRequest change(long expectedEpoch) {
    return AssignRequest.newBuilder()
        .addLoad(layer(2, 1, 2, 3))
        .addDrop(layer(1, 3))
        .setExpectedEpoch(expectedEpoch)
        .build();
  }

  private static LayerExperts layer(int layer, Integer... experts) {
    return LayerExperts.newBuilder().setLayer(layer).addAllExperts(List.of(experts)).build();
  }

  private static List<AssignProgress> assign(ServiceUnderTest service, AssignRequest request) {
    List<AssignProgress> progress = new ArrayList<>();
    ExpertServiceGrpc.newBlockingStub(service.channel)
        .assign(request)
        .forEachRemaining(progress::add);
    return progress;
  }
}
