package dev.consilium.router.dispatch;

import dev.consilium.model.expert.ExpertId;
import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.tensor.F32Matrix;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** One expert node, as the dispatcher reaches it. All calls return at once. */
public interface ExpertNode extends AutoCloseable {

  /** Longest wait for {@link #describe}: a node that takes longer is not one to send work to. */
  Duration DESCRIBE_TIMEOUT = Duration.ofSeconds(2);

  /** Where it is, for people: {@code host:port}. */
  String address();

  /**
   * Asks the node what it is and holds. Fails with a {@link io.grpc.StatusRuntimeException} if it
   * cannot be asked.
   */
  CompletableFuture<Description> describe();

  /** Sends a dispatch. Never fails: what goes wrong is a {@link Refused}. */
  CompletableFuture<Reply> execute(Dispatch dispatch);

  /** Dispatches sent and not answered. */
  int inFlight();

  @Override
  void close();

  /**
   * What a node says of itself.
   *
   * @param node its name, unique in the cluster
   * @param fingerprint of the model whose experts it holds
   * @param device kind and index
   * @param epoch rises with every change of what it holds
   * @param held its experts
   * @param limits what it takes
   * @param draining whether it refuses new work
   */
  record Description(
      String node,
      String fingerprint,
      String device,
      long epoch,
      Set<ExpertId> held,
      Limits limits,
      boolean draining) {}

  /**
   * What a node takes.
   *
   * @param hiddenSize width of a hidden state as experts see it
   * @param tokens most tokens in one dispatch
   * @param answerRows most rows, one for each (expert, token) pair, in one answer
   */
  record Limits(int hiddenSize, int tokens, long answerRows) {}

  /**
   * What a node shall compute.
   *
   * @param epoch the node's epoch as we know it
   * @param hidden hidden states of a batch; not changed until the reply is in
   * @param rows the rows of {@code hidden} to send, ascending
   * @param work experts ascending; tokens are indices into {@code rows}
   * @param traceparent W3C trace context; empty if not sampled
   */
  @SuppressWarnings("ArrayRecordComponent") // lives until the reply is in; compared by nobody
  record Dispatch(
      int layer,
      long epoch,
      F32Matrix hidden,
      int[] rows,
      List<ExpertTokens> work,
      String traceparent) {}

  /** What came back. */
  sealed interface Reply permits Computed, Refused {}

  /**
   * Outputs, one row for each (expert, token) pair in the order of the dispatch.
   *
   * @param queueNanos wait on the node
   * @param computeNanos computation on the node
   */
  record Computed(F32Matrix outputs, long queueNanos, long computeNanos) implements Reply {}

  /** No outputs, and why: the code says who should do something about it. */
  record Refused(Status why) implements Reply {}
}
