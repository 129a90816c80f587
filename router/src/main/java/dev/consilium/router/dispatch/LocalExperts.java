package dev.consilium.router.dispatch;

import dev.consilium.model.expert.ExpertBank;
import dev.consilium.model.expert.ExpertComputation;
import dev.consilium.model.expert.RoundTo;
import dev.consilium.tensor.F32Matrix;

/**
 * Experts that this router holds itself. Computes when awaited, on the engine's thread and the
 * device's.
 */
public final class LocalExperts implements ExpertDispatcher {
  private final String name;
  private final ExpertBank bank;
  private final ExpertComputation computation;
  private final RoundTo rounding;

  /**
   * @param name who computed, in counts
   * @param bank holds all experts of the model
   */
  public LocalExperts(
      String name, ExpertBank bank, ExpertComputation computation, RoundTo rounding) {
    this.name = name;
    this.bank = bank;
    this.computation = computation;
    this.rounding = rounding;
  }

  @Override
  public Pending begin(LayerDispatch dispatch) {
    return () -> {
      ExpertOutputs outputs = new ExpertOutputs(dispatch.work().size());
      F32Matrix rows =
          computation.compute(bank, dispatch.layer(), dispatch.hidden(), dispatch.work(), rounding);
      int row = 0;
      for (int i = 0; i < dispatch.work().size(); i++) {
        outputs.computed(i, name, rows, row);
        row += dispatch.work().get(i).count();
      }
      return outputs;
    };
  }
}
