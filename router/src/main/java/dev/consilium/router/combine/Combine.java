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
    add(device, work, outputs, sum, 0);
  }

  /**
   * As {@link #add}, to zeros.
   *
   * @param tokens rows of {@code sum} that are overwritten: the first ones
   */
  public static void sum(
      CpuDevice device, List<ExpertTokens> work, ExpertOutputs outputs, F32Matrix sum, int tokens) {
    add(device, work, outputs, sum, tokens);
  }

  private static void add(
      CpuDevice device,
      List<ExpertTokens> work,
      ExpertOutputs outputs,
      F32Matrix sum,
      int tokensToClear) {
    int columns = sum.columns();
    device.parallel(
        Math.ceilDiv(columns, COLUMNS),
        task -> {
          int from = task * COLUMNS;
          int count = Math.min(COLUMNS, columns - from);
          clear(sum, tokensToClear, from, count);
          add(device, work, outputs, sum, from, count);
        });
  }

  private static void clear(F32Matrix sum, int tokens, int from, int count) {
    for (int token = 0; token < tokens; token++) {
      sum.segment()
          .asSlice(sum.offset(token) + (long) from * Float.BYTES, (long) count * Float.BYTES)
          .fill((byte) 0);
    }
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
