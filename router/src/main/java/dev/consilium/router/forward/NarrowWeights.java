package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.Checkpoint;
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
    PackedMatrix down, Optional<F32Vector> downBias, PackedMatrix up, Optional<F32Vector> upBias)
    implements AutoCloseable {

  static NarrowWeights load(Checkpoint checkpoint, FeedForwardNames names, NarrowTokens spec) {
    int hidden = checkpoint.spec().hiddenSize();
    return new NarrowWeights(
        checkpoint.matrix(names.narrow(), spec.width(), hidden),
        Biases.loadIf(spec.biases(), checkpoint, names.narrow(), spec.width()),
        checkpoint.matrix(names.wide(), hidden, spec.width()),
        Biases.loadIf(spec.biases(), checkpoint, names.wide(), hidden));
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

  @Override
  public void close() {
    down.close();
    up.close();
  }
}
