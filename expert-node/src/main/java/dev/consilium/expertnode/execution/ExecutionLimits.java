package dev.consilium.expertnode.execution;

/**
 * Bounds of what waits and of what is computed at once.
 *
 * @param queuedDispatches most dispatches waiting
 * @param queuedBytes most bytes of hidden states and answers of waiting dispatches
 * @param gatheredAssignments most pairs of expert and token in one computation; a single dispatch
 *     may have more
 */
public record ExecutionLimits(int queuedDispatches, long queuedBytes, int gatheredAssignments) {
  public ExecutionLimits {
    if (queuedDispatches < 1 || queuedBytes < 1 || gatheredAssignments < 1) {
      throw new IllegalArgumentException(
          "limits are %d dispatches, %d bytes, %d assignments, expected at least 1 each"
              .formatted(queuedDispatches, queuedBytes, gatheredAssignments));
    }
  }
}
