package dev.consilium.expertnode.execution;

import io.opentelemetry.context.Context;
import java.util.List;

/**
 * Checked work: compute these experts of one layer on these tokens. Compared by identity.
 *
 * <p>Holds the experts' weights in memory until it is released, which {@link ExpertExecutor} does
 * when it ends.
 */
public final class Dispatch {

  private final Requester requester;
  private final Envelope envelope;
  private final HiddenStates hidden;
  private final List<ExpertRows> experts;
  private final Runnable release;
  private final int assignments;

  /**
   * Takes checked values.
   *
   * @param experts ascending, each once
   * @param release gives the weights back
   */
  public Dispatch(
      Requester requester,
      Envelope envelope,
      HiddenStates hidden,
      List<ExpertRows> experts,
      Runnable release) {
    this.requester = requester;
    this.envelope = envelope;
    this.hidden = hidden;
    this.experts = List.copyOf(experts);
    this.release = release;
    this.assignments = experts.stream().mapToInt(ExpertRows::count).sum();
  }

  /**
   * What travels beside the numbers.
   *
   * @param id the router's name for it
   * @param layer decoder layer
   * @param epoch placement epoch that it was admitted under
   * @param responseType how the answer's elements are stored
   * @param receivedNanos {@link System#nanoTime} at receipt
   * @param timeoutNanos after which nobody wants the answer
   * @param trace context to make spans in
   */
  public record Envelope(
      long id,
      int layer,
      long epoch,
      ElementType responseType,
      long receivedNanos,
      long timeoutNanos,
      Context trace) {}

  public Envelope envelope() {
    return envelope;
  }

  public HiddenStates hidden() {
    return hidden;
  }

  public List<ExpertRows> experts() {
    return experts;
  }

  /** Pairs of expert and token: the rows of the answer. */
  public int assignments() {
    return assignments;
  }

  /** Bytes of the hidden states and of the answer. */
  public long bytes() {
    return hidden.bytes().byteSize()
        + (long) assignments * hidden.hiddenSize() * envelope.responseType().bytes();
  }

  Requester requester() {
    return requester;
  }

  int layer() {
    return envelope.layer();
  }

  boolean expired(long nowNanos) {
    return nowNanos - envelope.receivedNanos() > envelope.timeoutNanos();
  }

  void release() {
    release.run();
  }
}
