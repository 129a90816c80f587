package dev.consilium.router.forward;

import dev.consilium.model.family.ShortConvolution;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.Kernels;
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
final class ShortConvolutionStep extends RecurrentStep {
  private final ShortConvolution spec;
  private final ShortConvolutionWeights weights;

  ShortConvolutionStep(int layer, ShortConvolutionWeights weights) {
    super(layer, weights.projections());
    this.spec = weights.spec();
    this.weights = weights;
  }

  @Override
  void mix(CpuDevice device, BatchRows batch, RecurrentRows rows, List<MemorySegment> states) {
    F32Matrix projected = rows.projected();
    F32Matrix gated = rows.read();
    device.parallel(
        batch.count,
        row ->
            multiply(device.kernels(), row, projected, 0, projected, 2 * spec.channels(), gated));
    F32Matrix convolved = rows.convolved();
    weights.convolution().run(device, batch, gated, convolved, states);
    device.parallel(
        batch.count,
        row ->
            multiply(device.kernels(), row, projected, spec.channels(), convolved, 0, rows.read()));
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
