package dev.consilium.router.combine;

import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.router.dispatch.ExpertOutputs;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import java.util.List;

/** Adds the outputs of the routed experts, token by token. */
public final class Combine {
  /** Columns that one task adds: 1 KiB of a row, so that threads do not meet on a cache line. */
  private static final int COLUMNS = 256;

  private Combine() {}

  /**
   * Adds every expert's rows to the sums of its tokens.
   *
   * <p>In ascending expert order, not in order of arrival: float addition is not associative, and
   * the same prompt would otherwise give different tokens whenever a different node answers first.
   *
   * @param work experts ascending
   * @param outputs where their rows are; entries that failed are left out
   * @param sum {@code [tokens, hiddenSize]}; added to
   */
  public static void add(
      CpuDevice device, List<ExpertTokens> work, ExpertOutputs outputs, F32Matrix sum) {
    int columns = sum.columns();
    device.parallel(
        Math.ceilDiv(columns, COLUMNS),
        task -> {
          int from = task * COLUMNS;
          add(device, work, outputs, sum, from, Math.min(COLUMNS, columns - from));
        });
  }

  private static void add(
      CpuDevice device,
      List<ExpertTokens> work,
      ExpertOutputs outputs,
      F32Matrix sum,
      int from,
      int count) {
    long skip = (long) from * Float.BYTES;
    for (int i = 0; i < work.size(); i++) {
      if (outputs.failure(i).isPresent()) {
        continue;
      }
      F32Matrix rows = outputs.matrix(i);
      int row = outputs.firstRow(i);
      ExpertTokens tokens = work.get(i);
      for (int place = 0; place < tokens.count(); place++) {
        device
            .kernels()
            .add(
                rows.segment(),
                rows.offset(row + place) + skip,
                count,
                sum.segment(),
                sum.offset(tokens.token(place)) + skip);
      }
    }
  }
}
