package dev.consilium.model.expert;

import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.ScratchMatrix;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Computes routed experts over the tokens that the gate gave them.
 *
 * <p>Threading: one owner at a time, for a result lies in memory that the next one uses again.
 */
public final class ExpertComputation {

  private final BlockComputation blocks;

  /** Tokens times gate weights, where those multiply the input. */
  private final ScratchMatrix inputs = new ScratchMatrix();

  public ExpertComputation(CpuDevice device) {
    this.blocks = new BlockComputation(device);
  }

  /**
   * The weighted outputs of experts of one layer, or their outputs for weighted inputs.
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
    try (ExpertBank.Lease lease = bank.acquire(ids(layer, work))) {
      float[] weights = weightsInOrder(work);
      if (bank.weighsInput(layer)) {
        return blocks.compute(
            weighed(hidden, work, weights),
            jobs(lease, work, true),
            (result, row) -> round(result, row, rounding));
      }
      return blocks.compute(
          hidden,
          jobs(lease, work, false),
          (result, row) -> {
            scale(result, row, weights[row]);
            round(result, row, rounding);
          });
    }
  }

  private static List<ExpertId> ids(int layer, List<ExpertTokens> work) {
    List<ExpertId> ids = new ArrayList<>(work.size());
    for (ExpertTokens tokens : work) {
      ids.add(new ExpertId(layer, tokens.expert()));
    }
    return ids;
  }

  /**
   * @param inOrder whether the input has a row for each pair of expert and token, in the order of
   *     the work; else it has one for each token
   */
  private static List<BlockComputation.Block> jobs(
      ExpertBank.Lease experts, List<ExpertTokens> work, boolean inOrder) {
    List<BlockComputation.Block> jobs = new ArrayList<>(work.size());
    int first = 0;
    for (int i = 0; i < work.size(); i++) {
      int count = work.get(i).count();
      int[] rows = inOrder ? IntStream.range(first, first + count).toArray() : work.get(i).rows();
      jobs.add(new BlockComputation.Block(experts.weights(i), rows));
      first += count;
    }
    return jobs;
  }

  /** For each pair of expert and token, the token times its gate weight. */
  private F32Matrix weighed(F32Matrix hidden, List<ExpertTokens> work, float[] weights) {
    F32Matrix weighed = inputs.of(weights.length, hidden.columns());
    int row = 0;
    for (ExpertTokens tokens : work) {
      for (int i = 0; i < tokens.count(); i++, row++) {
        weighed.copyRow(row, hidden, tokens.token(i));
        scale(weighed, row, weights[row]);
      }
    }
    return weighed;
  }

  private void scale(F32Matrix matrix, int row, float factor) {
    blocks.device().kernels().scale(factor, matrix.columns(), matrix.segment(), matrix.offset(row));
  }

  private void round(F32Matrix result, int row, RoundTo rounding) {
    Kernels kernels = blocks.device().kernels();
    long offset = result.offset(row);
    if (rounding == RoundTo.BF16) {
      kernels.roundToBf16(result.columns(), result.segment(), offset);
    }
  }

  private static float[] weightsInOrder(List<ExpertTokens> work) {
    int rows = 0;
    for (ExpertTokens tokens : work) {
      rows += tokens.count();
    }
    float[] weights = new float[rows];
    int row = 0;
    for (ExpertTokens tokens : work) {
      for (int i = 0; i < tokens.count(); i++) {
        weights[row++] = tokens.weight(i);
      }
    }
    return weights;
  }
}
