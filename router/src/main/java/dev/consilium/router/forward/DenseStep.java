package dev.consilium.router.forward;

import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;

/** A feed-forward block that every token passes: a layer without experts. */
record DenseStep(DenseWeights weights) implements BlockStep {
  @Override
  public void run(CpuDevice device, PassState state, Workspace work) {
    F32Matrix outputs = weights.block().compute(work.normed, state.batch.all);
    device.parallel(state.batch.count, row -> work.delta.copyRow(row, outputs, row));
  }
}
