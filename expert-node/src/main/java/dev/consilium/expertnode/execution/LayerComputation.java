package dev.consilium.expertnode.execution;

import dev.consilium.tensor.F32Matrix;
import java.util.List;

/** The device, as execution needs it. Called on one thread at a time. */
public interface LayerComputation {

  /**
   * Computes experts whose weights are held.
   *
   * @param hidden {@code [>= tokens, hiddenSize]}; rows beyond those named in {@code work} are junk
   * @param work experts ascending
   * @return {@code [assignments, hiddenSize]}: gate weight times expert output, one row for each
   *     pair of expert and token in the order of {@code work}; the bits of a row depend on its
   *     token and expert alone
   */
  F32Matrix compute(int layer, F32Matrix hidden, List<ExpertRows> work);
}
