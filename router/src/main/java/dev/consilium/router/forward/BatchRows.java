package dev.consilium.router.forward;

import dev.consilium.router.dispatch.LayerDispatch.TracedRows;
import dev.consilium.router.kvcache.KvPool;
import io.opentelemetry.api.trace.Span;
import java.util.ArrayList;
import java.util.List;

/** The tokens of a batch as rows: slice after slice, in order of position inside a slice. */
final class BatchRows {
  final List<BatchSlice> slices;
  final int count;

  /** For each row: its slice, its position in the sequence. */
  final int[] slice;

  final int[] position;

  /** 0, 1, ... count-1: what a product over all rows reads. */
  final int[] all;

  /** Runs of rows whose keys lie in one cache block: what one thread stores. */
  final List<Run> runs = new ArrayList<>();

  /** Consecutive rows of one slice. */
  record Run(int slice, int firstRow, int endRow) {}

  /** First row of each slice, and one behind the last. */
  private final int[] firstRow;

  BatchRows(List<BatchSlice> slices) {
    this.slices = slices;
    firstRow = new int[slices.size() + 1];
    for (int i = 0; i < slices.size(); i++) {
      firstRow[i + 1] = firstRow[i] + slices.get(i).count();
    }
    count = firstRow[slices.size()];
    slice = new int[count];
    position = new int[count];
    all = new int[count];
    for (int row = 0, i = 0; row < count; row++) {
      while (row == firstRow[i + 1]) {
        i++;
      }
      slice[row] = i;
      position[row] = slices.get(i).from() + row - firstRow[i];
      all[row] = row;
    }
    for (int i = 0; i < slices.size(); i++) {
      addRuns(i);
    }
  }

  private void addRuns(int slice) {
    int row = firstRow[slice];
    while (row < firstRow[slice + 1]) {
      int toBlockEnd = KvPool.BLOCK_TOKENS - position[row] % KvPool.BLOCK_TOKENS;
      int end = Math.min(row + toBlockEnd, firstRow[slice + 1]);
      runs.add(new Run(slice, row, end));
      row = end;
    }
  }

  int token(int row) {
    return slices.get(slice[row]).tokens()[position[row]];
  }

  int firstRow(int slice) {
    return firstRow[slice];
  }

  int lastRow(int slice) {
    return firstRow[slice + 1] - 1;
  }

  /** The rows whose logits are wanted, ascending. */
  int[] logitsRows() {
    int wanted = slices.stream().mapToInt(BatchSlice::logitsRows).sum();
    int[] rows = new int[wanted];
    int at = 0;
    for (int i = 0; i < slices.size(); i++) {
      for (int k = slices.get(i).logitsRows(); k > 0; k--) {
        rows[at++] = firstRow[i + 1] - k;
      }
    }
    return rows;
  }

  /** Slices whose request is traced. */
  List<TracedRows> traced() {
    List<TracedRows> traced = new ArrayList<>();
    for (int i = 0; i < slices.size(); i++) {
      if (Span.fromContext(slices.get(i).trace()).getSpanContext().isSampled()) {
        traced.add(new TracedRows(slices.get(i).trace(), firstRow[i], firstRow[i + 1]));
      }
    }
    return traced;
  }
}
