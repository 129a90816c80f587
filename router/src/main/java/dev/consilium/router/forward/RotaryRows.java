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
  private final RotaryTable table;
  private final F32Matrix rows;

  RotaryRows(RotarySpec spec, int maxTokens) {
    table = RotaryTable.of(spec);
    rows = F32Matrix.allocate(maxTokens, table.rotaryDim());
  }

  void fill(CpuDevice device, BatchRows batch) {
    device.parallel(
        batch.count, row -> table.cosSin(batch.position[row], rows.segment(), rows.offset(row)));
  }

  int rotaryDim() {
    return table.rotaryDim();
  }

  F32Matrix rows() {
    return rows;
  }
}
