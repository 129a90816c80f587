package dev.consilium.router.dispatch;

import dev.consilium.tensor.F32Matrix;
import io.grpc.Status;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Where the outputs of a dispatch lie: for each of its experts a run of rows of some matrix, one
 * per token, already multiplied by the gate weight; or why there are none.
 */
public final class ExpertOutputs {
  private final @Nullable F32Matrix[] matrices;
  private final int[] firstRows;
  private final String[] nodes;
  private final @Nullable Status[] failures;

  /**
   * @param experts entries of the dispatch's work
   */
  public ExpertOutputs(int experts) {
    matrices = new F32Matrix[experts];
    firstRows = new int[experts];
    nodes = new String[experts];
    failures = new Status[experts];
  }

  /** Notes where the outputs of work entry {@code index} are, and who computed them. */
  public void computed(int index, String node, F32Matrix matrix, int firstRow) {
    matrices[index] = matrix;
    firstRows[index] = firstRow;
    nodes[index] = node;
  }

  /** Notes why work entry {@code index} has no outputs. */
  public void failed(int index, Status why) {
    failures[index] = why;
  }

  /** Why work entry {@code index} has no outputs; empty if it has. */
  public Optional<Status> failure(int index) {
    return Optional.ofNullable(failures[index]);
  }

  /** The matrix that holds the outputs of a work entry that did not fail. */
  public F32Matrix matrix(int index) {
    F32Matrix matrix = matrices[index];
    if (matrix == null) {
      throw new IllegalStateException(
          "work entry " + index + " has no outputs: " + failures[index]);
    }
    return matrix;
  }

  /** The row of {@link #matrix(int)} of the entry's first token; the others follow. */
  public int firstRow(int index) {
    return firstRows[index];
  }

  /** Who computed the entry. */
  public String node(int index) {
    return nodes[index];
  }
}
