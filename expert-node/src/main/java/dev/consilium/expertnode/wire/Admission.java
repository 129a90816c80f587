package dev.consilium.expertnode.wire;

import dev.consilium.expertnode.execution.Dispatch;
import dev.consilium.expertnode.execution.ExpertExecutor;
import dev.consilium.expertnode.execution.Refusal;
import dev.consilium.expertnode.execution.Requester;
import dev.consilium.expertnode.loading.ExpertStore;
import dev.consilium.expertnode.loading.HeldExperts;
import dev.consilium.proto.expert.v1.ExecuteRequest;
import dev.consilium.telemetry.Traceparent;
import io.grpc.Status;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Takes a dispatch from the wire to the queue, or says why not. Thread-safe. */
final class Admission {

  private final NodeFacts node;
  private final ExpertStore store;
  private final ExpertExecutor executor;
  private final DispatchReader reader;
  private final WireLimits limits;

  Admission(NodeFacts node, ExpertStore store, ExpertExecutor executor, WireLimits limits) {
    this.node = node;
    this.store = store;
    this.executor = executor;
    this.limits = limits;
    this.reader = new DispatchReader(node, store.expertCounts(), limits);
  }

  ExpertExecutor executor() {
    return executor;
  }

  WireLimits limits() {
    return limits;
  }

  long epoch() {
    return store.held().epoch();
  }

  int hiddenSize() {
    return node.hiddenSize();
  }

  /** Admits a dispatch, which the requester then gets an answer to, or refuses it. */
  Optional<Refusal> admit(ExecuteRequest request, Requester requester) {
    long received = System.nanoTime();
    if (executor.draining()) {
      return Optional.of(ExpertExecutor.drainingRefusal(node.name()));
    }
    HeldExperts held = store.held();
    try {
      DispatchReader.Read read = reader.read(request, held);
      Optional<Runnable> release = store.hold(held, read.layer(), read.experts());
      if (release.isEmpty()) {
        return Optional.of(changedMeanwhile(held));
      }
      return executor.submit(
          new Dispatch(
              requester,
              envelope(request, read, held.epoch(), received),
              read.hidden(),
              read.experts(),
              release.get()));
    } catch (RefusedException refused) {
      return Optional.of(refused.refusal());
    }
  }

  private Dispatch.Envelope envelope(
      ExecuteRequest request, DispatchReader.Read read, long epoch, long received) {
    long timeoutMillis = Integer.toUnsignedLong(request.getTimeoutMillis());
    long timeoutNanos =
        timeoutMillis == 0
            ? limits.timeout().toNanos()
            : TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
    return new Dispatch.Envelope(
        request.getId(),
        read.layer(),
        epoch,
        read.responseType(),
        received,
        timeoutNanos,
        Traceparent.decode(request.getTraceparent()));
  }

  private Refusal changedMeanwhile(HeldExperts seen) {
    return new Refusal(
        Status.Code.FAILED_PRECONDITION,
        "dispatch uses placement epoch %d, node %s is at %d: refresh placement and retry"
            .formatted(seen.epoch(), node.name(), epoch()));
  }
}
