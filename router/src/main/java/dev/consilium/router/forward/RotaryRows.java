package dev.consilium.router.forward;

import dev.consilium.model.family.RotarySpec;
import dev.consilium.model.family.RotaryTable;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;

/**
 * Cosines and sines of the positions of a batch, one row per token: {@code [rotaryDim/2]} cosines,
 * then as many sines.
 */
final class RotaryRows {
  private final int shortTokens;
  private final RotaryTable ofShort;
  private final RotaryTable ofLong;
  private final F32Matrix rows;

  RotaryRows(RotarySpec spec, int maxTokens) {
    shortTokens = spec.shortTokens();
    ofShort = RotaryTable.of(spec, shortTokens);
    ofLong = shortTokens == Integer.MAX_VALUE ? ofShort : RotaryTable.of(spec, shortTokens + 1);
    rows = F32Matrix.allocate(maxTokens, spec.rotaryDim());
  }

  void fill(CpuDevice device, BatchRows batch) {
    device.parallel(
        batch.count,
        row -> table(batch, row).cosSin(batch.position[row], rows.segment(), rows.offset(row)));
  }

  private RotaryTable table(BatchRows batch, int row) {
    int tokens = batch.slices.get(batch.slice[row]).sequenceTokens();
    return tokens <= shortTokens ? ofShort : ofLong;
  }

  int rotaryDim() {
    return ofShort.rotaryDim();
  }

  F32Matrix rows() {
    return rows;
  }
}
