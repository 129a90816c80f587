package dev.consilium.expertnode.execution;

/** Who sent a dispatch and gets its answer. */
public interface Requester {

  /** Takes the answer; called once for each dispatch, from any thread, and must not block. */
  void answer(Dispatch dispatch, Outcome outcome);
}
