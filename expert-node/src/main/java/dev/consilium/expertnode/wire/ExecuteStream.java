package dev.consilium.expertnode.wire;

import com.google.protobuf.UnsafeByteOperations;
import dev.consilium.expertnode.execution.Dispatch;
import dev.consilium.expertnode.execution.Outcome;
import dev.consilium.expertnode.execution.Outputs;
import dev.consilium.expertnode.execution.Refusal;
import dev.consilium.expertnode.execution.Requester;
import dev.consilium.proto.expert.v1.Computed;
import dev.consilium.proto.expert.v1.ExecuteRequest;
import dev.consilium.proto.expert.v1.ExecuteResponse;
import dev.consilium.proto.expert.v1.ExpertTokens;
import dev.consilium.proto.expert.v1.Refused;
import dev.consilium.proto.tensor.v1.DType;
import dev.consilium.proto.tensor.v1.Tensor;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * One router's stream of dispatches.
 *
 * <p>Messages are pulled one by one, and only while what the stream holds here stays under its
 * limit: dispatches that are not answered, and answers that the transport has not yet sent. A
 * router that does not read its answers is therefore not read from either, and costs bounded
 * memory.
 *
 * <p>Requests arrive on a network thread, answers leave from the compute thread; both take this
 * object's monitor, for as long as it takes to hand a message to the transport.
 */
final class ExecuteStream implements StreamObserver<ExecuteRequest>, Requester {

  /** What a message costs beside its tensors, so that many tiny ones are bounded too. */
  private static final long MESSAGE_BYTES = 1 << 10;

  /** What an expert costs beside its rows: its object and the heads of two arrays. */
  private static final long EXPERT_BYTES = 64;

  private final ServerCallStreamObserver<ExecuteResponse> call;
  private final Admission admission;
  private final Consumer<ExecuteStream> onEnd;

  // Guarded by this.
  private final Map<Long, Long> unanswered = new HashMap<>();
  private long heldBytes;
  private long unsentBytes;
  private boolean pulling;
  private boolean halfClosed;
  private boolean ended;

  ExecuteStream(
      ServerCallStreamObserver<ExecuteResponse> call,
      Admission admission,
      Consumer<ExecuteStream> onEnd) {
    this.call = call;
    this.admission = admission;
    this.onEnd = onEnd;
    call.disableAutoRequest();
    call.setOnReadyHandler(this::sent);
    call.setOnCancelHandler(this::cancelled);
  }

  /** Pulls the first message. */
  synchronized void begin() {
    pull();
  }

  @Override
  public synchronized void onNext(ExecuteRequest request) {
    pulling = false;
    if (ended) {
      return;
    }
    long id = request.getId();
    if (id == 0 || unanswered.containsKey(id)) {
      breakOff(
          id == 0
              ? "a dispatch has no id, or 0: choose one that is unique on the stream"
              : "dispatch id " + Long.toUnsignedString(id) + " is not answered yet and came again");
      return;
    }
    long bytes = bytesOf(request);
    unanswered.put(id, bytes);
    heldBytes += bytes;
    Optional<Refusal> refused = admission.admit(request, this);
    refused.ifPresent(refusal -> send(id, refusal(id, refusal), MESSAGE_BYTES));
    pull();
  }

  /** What a dispatch holds until it is answered: hidden states, and a row and weight a pair. */
  private static long bytesOf(ExecuteRequest request) {
    long bytes = MESSAGE_BYTES + request.getHidden().getData().size();
    for (ExpertTokens named : request.getExpertsList()) {
      bytes +=
          EXPERT_BYTES
              + (long) Integer.BYTES * named.getTokensCount()
              + (long) Float.BYTES * named.getWeightsCount();
    }
    return bytes;
  }

  @Override
  public synchronized void answer(Dispatch dispatch, Outcome outcome) {
    long id = dispatch.envelope().id();
    switch (outcome) {
      case Outputs outputs ->
          send(id, computed(dispatch, outputs), MESSAGE_BYTES + outputs.bytes().length);
      case Refusal refusal -> send(id, refusal(id, refusal), MESSAGE_BYTES);
    }
    pull();
  }

  private void send(long id, ExecuteResponse response, long bytes) {
    Long held = unanswered.remove(id);
    if (ended || held == null) {
      return;
    }
    heldBytes -= held;
    call.onNext(response);
    if (!call.isReady()) {
      // Given back by the transport, which calls sent() when its buffer is empty again.
      unsentBytes += bytes;
    }
    completeIfDone();
  }

  private void pull() {
    boolean room = heldBytes + unsentBytes < admission.limits().streamBytes();
    if (!pulling && !halfClosed && !ended && room) {
      pulling = true;
      call.request(1);
    }
  }

  private synchronized void sent() {
    unsentBytes = 0;
    pull();
  }

  private void completeIfDone() {
    if (halfClosed && unanswered.isEmpty() && !ended) {
      end();
      call.onCompleted();
    }
  }

  private void breakOff(String message) {
    end();
    call.onError(Status.INVALID_ARGUMENT.withDescription(message).asRuntimeException());
  }

  private void end() {
    ended = true;
    unanswered.clear();
    admission.executor().withdraw(this);
    onEnd.accept(this);
  }

  /** The router is gone: what it has waiting here is not computed. */
  private synchronized void cancelled() {
    if (!ended) {
      end();
    }
  }

  @Override
  public void onError(Throwable gone) {
    cancelled();
  }

  @Override
  public synchronized void onCompleted() {
    halfClosed = true;
    completeIfDone();
  }

  /** Ends the stream from this side: the node stops. */
  synchronized void close() {
    if (!ended) {
      end();
      call.onError(
          Status.UNAVAILABLE.withDescription("the node stops: use a replica").asRuntimeException());
    }
  }

  private ExecuteResponse computed(Dispatch dispatch, Outputs outputs) {
    Tensor tensor =
        Tensor.newBuilder()
            .setDtype(
                switch (dispatch.envelope().responseType()) {
                  case F32 -> DType.DTYPE_F32;
                  case BF16 -> DType.DTYPE_BF16;
                })
            .addShape(outputs.rows())
            .addShape(admission.hiddenSize())
            // Nobody writes to the array any more.
            .setData(UnsafeByteOperations.unsafeWrap(outputs.bytes()))
            .setEpoch(dispatch.envelope().epoch())
            .build();
    return ExecuteResponse.newBuilder()
        .setId(dispatch.envelope().id())
        .setComputed(
            Computed.newBuilder()
                .setOutputs(tensor)
                .setQueueNanos(outputs.queueNanos())
                .setComputeNanos(outputs.computeNanos()))
        .build();
  }

  private ExecuteResponse refusal(long id, Refusal refusal) {
    return ExecuteResponse.newBuilder()
        .setId(id)
        .setRefused(
            Refused.newBuilder()
                .setCode(refusal.code().value())
                .setMessage(refusal.message())
                .setEpoch(admission.epoch()))
        .build();
  }
}
