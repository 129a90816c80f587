package dev.consilium.router.forward;

import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.PackedMatrix;
import java.util.List;

/** What mixes the tokens of a sequence in a layer. */
interface AttentionStep {
  /** Reads {@code work.normed}, leaves what the layer adds in {@code work.delta}. */
  void run(CpuDevice device, BatchRows batch, Workspace work);

  /** The matrices that a token meets first; empty: not known. */
  default List<PackedMatrix> firstWeights() {
    return List.of();
  }

  /** Adds a bias to every row of a batch. */
  static void addBias(CpuDevice device, F32Vector bias, BatchRows batch, F32Matrix into) {
    device.parallel(
        batch.count,
        row ->
            device
                .kernels()
                .add(bias.segment(), 0, bias.length(), into.segment(), into.offset(row)));
  }
}
