package dev.consilium.router.forward;

import dev.consilium.model.family.ShortConvolution;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.MatmulJob;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A layer of short convolution over a batch.
 *
 * <ol>
 *   <li>Project: both gates and what is gated, of every token in one product.
 *   <li>Gate each token; convolve it with those before; keep the window for those to come.
 *   <li>Gate the result. Project back.
 * </ol>
 */
final class ShortConvolutionStep implements AttentionStep {
  private final int layer;
  private final ShortConvolution spec;
  private final ShortConvolutionWeights weights;

  ShortConvolutionStep(int layer, ShortConvolutionWeights weights) {
    this.layer = layer;
    this.spec = weights.spec();
    this.weights = weights;
  }

  @Override
  public void run(CpuDevice device, BatchRows batch, Workspace work) {
    run(device, batch, work.recurrent, work.normed, work.delta);
  }

  void run(
      CpuDevice device, BatchRows batch, RecurrentRows rows, F32Matrix input, F32Matrix result) {
    List<MemorySegment> states =
        batch.slices.stream().map(slice -> slice.cache().state(layer)).toList();
    F32Matrix projected = rows.projected();
    device.matmul(List.of(new MatmulJob(weights.input(), input, batch.all, projected, 0)));
    Biases.add(device, weights.inputBias(), batch.count, projected);
    F32Matrix gated = rows.read();
    device.parallel(
        batch.count,
        row ->
            multiply(device.kernels(), row, projected, 0, projected, 2 * spec.channels(), gated));
    F32Matrix convolved = rows.convolved();
    weights.convolution().run(device, batch, gated, convolved, states);
    weights.convolution().keepWindows(device, batch, gated, states);
    device.parallel(
        batch.count,
        row ->
            multiply(device.kernels(), row, projected, spec.channels(), convolved, 0, rows.read()));
    device.matmul(List.of(new MatmulJob(weights.output(), rows.read(), batch.all, result, 0)));
    Biases.add(device, weights.outputBias(), batch.count, result);
  }

  /** The product of two parts of a row, element by element. */
  private void multiply(
      Kernels kernels,
      int row,
      F32Matrix a,
      int aColumn,
      F32Matrix b,
      int bColumn,
      F32Matrix product) {
    long at = product.offset(row);
    product.segment().asSlice(at, bytes(spec.channels())).fill((byte) 0);
    kernels.multiplyAddEach(
        a.segment(),
        a.offset(row) + bytes(aColumn),
        b.segment(),
        b.offset(row) + bytes(bColumn),
        spec.channels(),
        product.segment(),
        at);
  }

  private static long bytes(long floats) {
    return floats * Float.BYTES;
  }
}
