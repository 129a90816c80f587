package dev.consilium.expertnode.execution;

import dev.consilium.tensor.F32Matrix;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Dispatches of one layer as one piece of work: their hidden states one below the other, and for
 * each expert all of its tokens.
 *
 * <ol>
 *   <li>The tokens of dispatch {@code i} become the rows from {@code firstRow[i]}.
 *   <li>An expert's tokens are those of all dispatches in turn, so they still ascend.
 *   <li>The answer of a dispatch is put together from where its part of each expert's rows lies.
 * </ol>
 */
final class GatheredBatch {

  private final List<Dispatch> dispatches;
  private final int tokens;
  private final List<ExpertRows> work;

  /** First row in the result of each expert of each dispatch. */
  private final int[][] outputRows;

  private GatheredBatch(
      List<Dispatch> dispatches, int tokens, List<ExpertRows> work, int[][] outputRows) {
    this.dispatches = dispatches;
    this.tokens = tokens;
    this.work = work;
    this.outputRows = outputRows;
  }

  static GatheredBatch of(List<Dispatch> dispatches) {
    int tokens = 0;
    int[][] outputRows = new int[dispatches.size()][];
    SortedMap<Integer, List<Part>> parts = new TreeMap<>();
    for (int i = 0; i < dispatches.size(); i++) {
      Dispatch dispatch = dispatches.get(i);
      outputRows[i] = new int[dispatch.experts().size()];
      for (int e = 0; e < outputRows[i].length; e++) {
        ExpertRows rows = dispatch.experts().get(e);
        parts
            .computeIfAbsent(rows.expert(), _ -> new ArrayList<>())
            .add(new Part(i, e, tokens, rows));
      }
      tokens += dispatch.hidden().tokens();
    }
    List<ExpertRows> work = new ArrayList<>(parts.size());
    int row = 0;
    for (List<Part> ofExpert : parts.values()) {
      for (Part part : ofExpert) {
        outputRows[part.dispatch][part.place] = row;
        row += part.rows.count();
      }
      work.add(together(ofExpert));
    }
    return new GatheredBatch(dispatches, tokens, work, outputRows);
  }

  private static ExpertRows together(List<Part> parts) {
    if (parts.size() == 1 && parts.getFirst().firstRow == 0) {
      return parts.getFirst().rows;
    }
    int count = parts.stream().mapToInt(part -> part.rows.count()).sum();
    int[] tokens = new int[count];
    float[] weights = new float[count];
    int at = 0;
    for (Part part : parts) {
      for (int i = 0; i < part.rows.count(); i++) {
        tokens[at] = part.firstRow + part.rows.tokens()[i];
        weights[at++] = part.rows.weights()[i];
      }
    }
    return new ExpertRows(parts.getFirst().rows.expert(), tokens, weights);
  }

  int layer() {
    return dispatches.getFirst().layer();
  }

  List<Dispatch> dispatches() {
    return dispatches;
  }

  int tokens() {
    return tokens;
  }

  /** Experts ascending; tokens are rows of what {@link #copyHidden} writes. */
  List<ExpertRows> work() {
    return work;
  }

  /** Writes all hidden states to the first {@link #tokens} rows. */
  void copyHidden(F32Matrix into) {
    int row = 0;
    for (Dispatch dispatch : dispatches) {
      dispatch.hidden().copyTo(into, row);
      row += dispatch.hidden().tokens();
    }
  }

  /** The answer to one dispatch, rounded once to the type it asked for. */
  byte[] outputsOf(int index, F32Matrix result) {
    Dispatch dispatch = dispatches.get(index);
    ElementType type = dispatch.envelope().responseType();
    long stride = (long) result.columns() * type.bytes();
    byte[] bytes = new byte[Math.toIntExact(dispatch.assignments() * stride)];
    MemorySegment dense = MemorySegment.ofArray(bytes);
    long at = 0;
    for (int e = 0; e < outputRows[index].length; e++) {
      int first = outputRows[index][e];
      for (int i = 0; i < dispatch.experts().get(e).count(); i++) {
        type.write(result, first + i, dense, at);
        at += stride;
      }
    }
    return bytes;
  }

  /**
   * One dispatch's tokens of one expert.
   *
   * @param dispatch index in the batch
   * @param place index among the dispatch's experts
   * @param firstRow where the dispatch's tokens begin
   */
  private record Part(int dispatch, int place, int firstRow, ExpertRows rows) {}
}
