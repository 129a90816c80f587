package dev.consilium.expertnode.execution;

import dev.consilium.tensor.F32Matrix;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Computes dispatches, one gathered batch after the other, on a thread of its own.
 *
 * <ol>
 *   <li>{@link #submit} admits a dispatch, or says why not.
 *   <li>The compute thread takes the oldest with those of the same layer, leaves out what has
 *       expired, and computes each expert once over all of its tokens.
 *   <li>Each dispatch is answered on its own. A fault is the answer of those it hit; the thread
 *       goes on.
 * </ol>
 *
 * <p>What a dispatch gets is bit for bit what it would get alone, because a row of the computation
 * depends on its token and expert alone.
 */
public final class ExpertExecutor implements AutoCloseable {

  private static final System.Logger LOG = System.getLogger(ExpertExecutor.class.getName());
  private static final int LEAST_HIDDEN_ROWS = 64;

  private final LayerComputation computation;
  private final ExecutionMeters meters;
  private final ExecutionLimits limits;
  private final DispatchQueue queue;
  private final Thread thread;
  private final String node;

  /** Rows that have been used stay allocated; of the compute thread. */
  private Optional<F32Matrix> hidden = Optional.empty();

  /** Starts the compute thread. */
  public ExpertExecutor(
      String node, LayerComputation computation, ExecutionLimits limits, ExecutionMeters meters) {
    this.node = node;
    this.computation = computation;
    this.meters = meters;
    this.limits = limits;
    this.queue = new DispatchQueue(limits);
    meters.gauge(
        "consilium.expert.queue.depth", "{dispatch}", "Dispatches that wait", queue::depth);
    this.thread = Thread.ofPlatform().name("expert-compute").daemon().start(this::run);
  }

  /**
   * Admits a dispatch, which is then answered, or gives the reason why not; a dispatch that is not
   * admitted has been released.
   */
  public Optional<Refusal> submit(Dispatch dispatch) {
    DispatchQueue.Admission admission = queue.offer(dispatch);
    if (admission == DispatchQueue.Admission.ADMITTED) {
      return Optional.empty();
    }
    dispatch.release();
    return Optional.of(
        switch (admission) {
          case FULL, ADMITTED ->
              new Refusal(
                  Status.Code.RESOURCE_EXHAUSTED,
                  "queue of node %s is full (at most %d dispatches and %d bytes wait): send it again later or to a replica"
                      .formatted(node, limits.queuedDispatches(), limits.queuedBytes()));
          case DRAINING -> drainingRefusal(node);
        });
  }

  /** What a draining node answers. */
  public static Refusal drainingRefusal(String node) {
    return new Refusal(
        Status.Code.UNAVAILABLE, "node " + node + " is draining: send the dispatch to a replica");
  }

  public boolean draining() {
    return queue.draining();
  }

  /** Drops what a requester that went away still has waiting. */
  public void withdraw(Requester requester) {
    List<Dispatch> dropped = queue.withdraw(requester);
    dropped.forEach(Dispatch::release);
  }

  /**
   * Admits nothing more and waits for what is admitted.
   *
   * @return dispatches that had not ended when the time was over
   */
  public int drain(Duration timeout) throws InterruptedException {
    return queue.drain(timeout.toNanos());
  }

  private void run() {
    try {
      for (List<Dispatch> taken = queue.take(); !taken.isEmpty(); taken = queue.take()) {
        process(taken);
      }
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  private void process(List<Dispatch> taken) {
    long start = System.nanoTime();
    List<Dispatch> wanted = new ArrayList<>(taken.size());
    for (Dispatch dispatch : taken) {
      if (dispatch.expired(start)) {
        end(dispatch, expiredRefusal(dispatch));
      } else {
        wanted.add(dispatch);
      }
    }
    if (!wanted.isEmpty()) {
      answer(wanted, compute(wanted, start));
    }
    queue.end(taken.size());
  }

  /** One outcome for each dispatch. */
  private List<? extends Outcome> compute(List<Dispatch> wanted, long start) {
    try {
      GatheredBatch batch = GatheredBatch.of(wanted);
      F32Matrix rows = hiddenRows(batch.tokens(), wanted.getFirst().hidden().hiddenSize());
      batch.copyHidden(rows);
      F32Matrix result = computation.compute(batch.layer(), rows, batch.work());
      long nanos = System.nanoTime() - start;
      meters.computed(batch.layer(), batch.work(), nanos);
      List<Outputs> outputs = new ArrayList<>(wanted.size());
      for (int i = 0; i < wanted.size(); i++) {
        outputs.add(
            new Outputs(
                wanted.get(i).assignments(),
                batch.outputsOf(i, result),
                start - wanted.get(i).envelope().receivedNanos(),
                nanos));
      }
      return outputs;
    } catch (RuntimeException | AssertionError | OutOfMemoryError defect) {
      int layer = wanted.getFirst().layer();
      LOG.log(System.Logger.Level.ERROR, "defect while computing layer " + layer, defect);
      Refusal refusal =
          new Refusal(
              Status.Code.INTERNAL,
              "node %s failed while computing layer %d: %s".formatted(node, layer, defect));
      return wanted.stream().map(_ -> refusal).toList();
    }
  }

  private F32Matrix hiddenRows(int rows, int columns) {
    F32Matrix matrix =
        hidden
            .filter(held -> held.rows() >= rows)
            .orElseGet(() ->
                F32Matrix.allocate(
                    Math.max(LEAST_HIDDEN_ROWS, Integer.highestOneBit(rows - 1) << 1), columns));
    hidden = Optional.of(matrix);
    return matrix;
  }

  private void answer(List<Dispatch> wanted, List<? extends Outcome> outcomes) {
    for (int i = 0; i < wanted.size(); i++) {
      end(wanted.get(i), outcomes.get(i));
    }
  }

  private void end(Dispatch dispatch, Outcome outcome) {
    dispatch.release();
    meters.ended(dispatch, outcome, System.nanoTime());
    try {
      dispatch.requester().answer(dispatch, outcome);
    } catch (RuntimeException defect) {
      LOG.log(
          System.Logger.Level.ERROR,
          "defect while answering dispatch " + dispatch.envelope().id(),
          defect);
    }
  }

  private Refusal expiredRefusal(Dispatch dispatch) {
    return new Refusal(
        Status.Code.DEADLINE_EXCEEDED,
        "dispatch %s for layer %d waited on node %s longer than its %d ms: send it to a replica"
            .formatted(
                Long.toUnsignedString(dispatch.envelope().id()),
                dispatch.layer(),
                node,
                dispatch.envelope().timeoutNanos() / 1_000_000));
  }

  /** Ends after the batch in progress; what still waits is refused. */
  @Override
  public void close() {
    queue.close().forEach(dispatch -> end(dispatch, drainingRefusal(node)));
    try {
      thread.join();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
