package dev.consilium.router.combine;

import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.router.dispatch.ExpertOutputs;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.Kernels;
import java.util.List;

/** Adds the outputs of the routed experts, token by token. */
public final class Combine {
  /** Columns that one task adds at most, so that threads share few tokens of a wide model. */
  private static final int COLUMNS = 2048;

  private final List<ExpertTokens> work;
  private final ExpertOutputs outputs;
  private final F32Matrix sum;

  /** The outputs of token t are those from {@code first[t]} to {@code first[t + 1] - 1}. */
  private final int[] first;

  /** For each output, tokens ascending, then experts: the entry of the work that it is in. */
  private final int[] entries;

  /** And its row in the matrix of that entry. */
  private final int[] rows;

  private Combine(List<ExpertTokens> work, ExpertOutputs outputs, F32Matrix sum, int tokens) {
    this.work = work;
    this.outputs = outputs;
    this.sum = sum;
    this.first = new int[tokens + 1];
    forEach((token, entry, place) -> first[token + 1]++);
    for (int token = 0; token < tokens; token++) {
      first[token + 1] += first[token];
    }
    this.entries = new int[first[tokens]];
    this.rows = new int[first[tokens]];
    int[] next = first.clone();
    forEach((token, entry, place) -> {
      entries[next[token]] = entry;
      rows[next[token]++] = outputs.firstRow(entry) + place;
    });
  }

  /**
   * Adds every expert's rows to the sums of its tokens.
   *
   * <p>In ascending expert order, not in order of arrival: float addition is not associative, and
   * the same prompt would otherwise give different tokens whenever a different node answers first.
   *
   * @param work experts ascending
   * @param outputs where their rows are; entries that failed are left out
   * @param sum {@code [>= tokens, hiddenSize]}; added to
   * @param tokens all that the work speaks of are below it
   */
  public static void add(
      CpuDevice device, List<ExpertTokens> work, ExpertOutputs outputs, F32Matrix sum, int tokens) {
    add(device, work, outputs, sum, tokens, false);
  }

  /** As {@link #add}, to zeros: the rows of all tokens are overwritten. */
  public static void sum(
      CpuDevice device, List<ExpertTokens> work, ExpertOutputs outputs, F32Matrix sum, int tokens) {
    add(device, work, outputs, sum, tokens, true);
  }

  private static void add(
      CpuDevice device,
      List<ExpertTokens> work,
      ExpertOutputs outputs,
      F32Matrix sum,
      int tokens,
      boolean clear) {
    Combine combine = new Combine(work, outputs, sum, tokens);
    int parts = Math.ceilDiv(sum.columns(), COLUMNS);
    device.parallel(
        tokens * parts,
        task -> {
          int from = task % parts * COLUMNS;
          int count = Math.min(COLUMNS, sum.columns() - from);
          combine.add(device.kernels(), task / parts, from, count, clear);
        });
  }

  private void add(Kernels kernels, int token, int from, int count, boolean clear) {
    long skip = (long) from * Float.BYTES;
    long at = sum.offset(token) + skip;
    if (clear) {
      sum.segment().asSlice(at, (long) count * Float.BYTES).fill((byte) 0);
    }
    for (int i = first[token]; i < first[token + 1]; i++) {
      F32Matrix matrix = outputs.matrix(entries[i]);
      kernels.add(matrix.segment(), matrix.offset(rows[i]) + skip, count, sum.segment(), at);
    }
  }

  private interface Visitor {
    void visit(int token, int entry, int place);
  }

  /** All outputs that are there, in the order of the work. */
  private void forEach(Visitor visitor) {
    for (int entry = 0; entry < work.size(); entry++) {
      if (outputs.failure(entry).isEmpty()) {
        ExpertTokens tokens = work.get(entry);
        for (int place = 0; place < tokens.count(); place++) {
          visitor.visit(tokens.token(place), entry, place);
        }
      }
    }
  }
}
