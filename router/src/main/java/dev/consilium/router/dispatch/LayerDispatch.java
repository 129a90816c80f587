package dev.consilium.router.dispatch;

import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.tensor.F32Matrix;
import io.opentelemetry.context.Context;
import java.util.List;

/**
 * What the experts of one layer have to do in one step.
 *
 * @param layer decoder layer, from 0
 * @param hidden {@code [>= tokens, hiddenSize]}, already rounded to the wire dtype; not changed
 *     until the outputs are awaited
 * @param work experts ascending, with the rows of {@code hidden} each of them sees
 * @param traces the traced slices of the batch and their rows; empty if nothing is sampled
 */
public record LayerDispatch(
    int layer, F32Matrix hidden, List<ExpertTokens> work, List<TracedRows> traces) {

  /** Rows {@code from .. to-1} of the batch belong to a sampled trace. */
  public record TracedRows(Context parent, int from, int to) {}
}
