package dev.consilium.router.forward;

import dev.consilium.model.family.FeedForwardNames;
import dev.consilium.model.family.NarrowTokens;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.MatmulJob;
import dev.consilium.tensor.PackedMatrix;
import java.util.List;
import java.util.Optional;

/**
 * What makes narrow tokens for a layer's routed experts, and widens the sum of their outputs.
 *
 * @param down {@code [width, hiddenSize]}
 * @param downBias {@code [width]}
 * @param up {@code [hiddenSize, width]}
 * @param upBias {@code [hiddenSize]}
 */
record NarrowWeights(
    PackedMatrix down, Optional<F32Vector> downBias, PackedMatrix up, Optional<F32Vector> upBias) {

  static NarrowWeights load(WeightLoader loader, FeedForwardNames names, NarrowTokens spec) {
    int hidden = loader.spec().hiddenSize();
    return new NarrowWeights(
        loader.matrix(names.narrow(), spec.width(), hidden),
        Biases.loadIf(spec.biases(), loader, names.narrow(), spec.width()),
        loader.matrix(names.wide(), hidden, spec.width()),
        Biases.loadIf(spec.biases(), loader, names.wide(), hidden));
  }

  /** From tokens {@code [rows, hiddenSize]} to narrow ones {@code [rows, width]}. */
  void narrow(CpuDevice device, BatchRows batch, F32Matrix tokens, F32Matrix narrow) {
    device.matmul(List.of(new MatmulJob(down, tokens, batch.all, narrow, 0)));
    Biases.add(device, downBias, batch.count, narrow);
  }

  /** From sums {@code [rows, width]} to what a layer adds, {@code [rows, hiddenSize]}. */
  void widen(CpuDevice device, BatchRows batch, F32Matrix sums, F32Matrix wide) {
    device.matmul(List.of(new MatmulJob(up, sums, batch.all, wide, 0)));
    Biases.add(device, upBias, batch.count, wide);
  }

  long matrixBytes() {
    return down.byteSize() + up.byteSize();
  }
}
