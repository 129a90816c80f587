package dev.consilium.router.dispatch;

import dev.consilium.model.expert.ExpertId;
import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.tensor.F32Matrix;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/**
 * An expert node that says and answers what a test tells it to. Used by one thread at a time.
 *
 * <p>Left alone it computes: the output of expert e for a token is 100 e plus the token's first
 * hidden value, times the gate weight.
 */
final class FakeNode implements ExpertNode {
  static final int LAYER = 3;
  static final String FINGERPRINT = "model";
  static final int HIDDEN = 4;
  static final int TOKENS = 64;
  static final int ANSWER_ROWS = 1000;

  private final String address;
  Function<FakeNode, CompletableFuture<Description>> described;
  Function<Dispatch, Reply> answer = FakeNode::compute;
  Function<Dispatch, CompletableFuture<Reply>> whenever =
      dispatch -> CompletableFuture.completedFuture(answer.apply(dispatch));
  final List<Dispatch> executed = new ArrayList<>();
  boolean closed;

  FakeNode(String address) {
    this.address = address;
    this.described = node -> CompletableFuture.completedFuture(description(address, 1));
  }

  /** A description of a node that fits, with these experts of layer {@value #LAYER}. */
  static Description description(String name, long epoch, Integer... experts) {
    Set<ExpertId> held = new java.util.HashSet<>();
    for (int expert : experts) {
      held.add(new ExpertId(LAYER, expert));
    }
    return new Description(
        name, FINGERPRINT, "cpu", epoch, held, new Limits(HIDDEN, TOKENS, ANSWER_ROWS), false);
  }

  FakeNode holding(long epoch, Integer... experts) {
    return describing(description(address.substring(0, 1), epoch, experts));
  }

  /** As {@link #holding}, with answers of at most {@code rows} rows. */
  FakeNode holdingAndAnswering(int rows, Integer... experts) {
    Description whole = description(address.substring(0, 1), 1, experts);
    return describing(
        new Description(
            whole.node(),
            whole.fingerprint(),
            whole.device(),
            whole.epoch(),
            whole.held(),
            new Limits(HIDDEN, TOKENS, rows),
            false));
  }

  FakeNode describing(Description description) {
    described = node -> CompletableFuture.completedFuture(description);
    return this;
  }

  FakeNode gone() {
    Status status = Status.UNAVAILABLE.withDescription("connection refused");
    described = node -> CompletableFuture.failedFuture(status.asRuntimeException());
    answer = dispatch -> new Refused(status);
    return this;
  }

  FakeNode refusing(Status status) {
    answer = dispatch -> new Refused(status);
    return this;
  }

  static Reply compute(Dispatch dispatch) {
    int rows = dispatch.work().stream().mapToInt(ExpertTokens::count).sum();
    F32Matrix outputs = F32Matrix.allocate(rows, HIDDEN);
    int row = 0;
    for (ExpertTokens work : dispatch.work()) {
      for (int place = 0; place < work.count(); place++) {
        float value = dispatch.hidden().get(dispatch.rows()[work.token(place)], 0);
        outputs.set(row++, 0, (100 * work.expert() + value) * work.weight(place));
      }
    }
    return new Computed(outputs, 1, 2);
  }

  @Override
  public String address() {
    return address;
  }

  @Override
  public CompletableFuture<Description> describe() {
    return described.apply(this);
  }

  @Override
  public CompletableFuture<Reply> execute(Dispatch dispatch) {
    executed.add(dispatch);
    return whenever.apply(dispatch);
  }

  @Override
  public int inFlight() {
    return 0;
  }

  @Override
  public void close() {
    closed = true;
  }
}
