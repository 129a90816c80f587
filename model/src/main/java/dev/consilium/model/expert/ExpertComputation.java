package dev.consilium.model.expert;

import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.Kernels;
import java.util.ArrayList;
import java.util.List;

/**
 * Computes routed experts over the tokens that the gate gave them.
 *
 * <p>Threading: one owner at a time, for a result lies in memory that the next one uses again.
 */
public final class ExpertComputation {

  private final GatedBlocks blocks;

  public ExpertComputation(CpuDevice device) {
    this.blocks = new GatedBlocks(device);
  }

  /**
   * The weighted outputs of experts of one layer.
   *
   * <p>Each row depends on its token, expert and gate weight alone: the same bits come out however
   * tokens and experts are grouped into calls. An expert that is dropped meanwhile stays in memory
   * until this is done.
   *
   * @param bank holds the experts
   * @param layer whose experts {@code work} means
   * @param hidden the tokens, {@code [tokens, hiddenSize]}
   * @param work which experts compute which rows of {@code hidden}
   * @param rounding done to each weighted output
   * @return {@code [pairs, hiddenSize]}: one row for each pair of expert and token, in the order of
   *     {@code work}; valid until the next computation
   * @throws ExpertsNotHeldException if {@code bank} lacks an expert; nothing is computed
   */
  public F32Matrix compute(
      ExpertBank bank, int layer, F32Matrix hidden, List<ExpertTokens> work, RoundTo rounding) {
    if (work.isEmpty()) {
      return F32Matrix.allocate(0, hidden.columns());
    }
    List<ExpertId> ids = work.stream().map(tokens -> new ExpertId(layer, tokens.expert())).toList();
    try (ExpertBank.Lease lease = bank.acquire(ids)) {
      List<GatedBlocks.Block> jobs = new ArrayList<>(work.size());
      for (ExpertTokens tokens : work) {
        jobs.add(
            new GatedBlocks.Block(
                lease.weights(new ExpertId(layer, tokens.expert())), tokens.rows()));
      }
      float[] weights = weightsInOrder(work);
      return blocks.compute(
          hidden, jobs, (result, row) -> weigh(result, row, weights[row], rounding));
    }
  }

  private void weigh(F32Matrix result, int row, float weight, RoundTo rounding) {
    Kernels kernels = blocks.device().kernels();
    long offset = result.offset(row);
    kernels.scale(weight, result.columns(), result.segment(), offset);
    if (rounding == RoundTo.BF16) {
      kernels.roundToBf16(result.columns(), result.segment(), offset);
    }
  }

  private static float[] weightsInOrder(List<ExpertTokens> work) {
    float[] weights = new float[work.stream().mapToInt(ExpertTokens::count).sum()];
    int row = 0;
    for (ExpertTokens tokens : work) {
      for (int i = 0; i < tokens.count(); i++) {
        weights[row++] = tokens.weight(i);
      }
    }
    return weights;
  }
}
