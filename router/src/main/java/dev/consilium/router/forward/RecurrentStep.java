package dev.consilium.router.forward;

import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.MatmulJob;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A layer that keeps a state of each sequence, over a batch: projects, mixes tokens, projects back.
 *
 * <p>Tokens of a sequence go through its state strictly one after the other, so that a chunk's
 * borders change no bit. What lies before position 0 is nothing: convolutions leave it out, and a
 * state begins as zeros there.
 */
abstract sealed class RecurrentStep implements AttentionStep
    permits LinearStep, Mamba1Step, ShortConvolutionStep {
  private final int layer;
  private final RecurrentProjections projections;

  RecurrentStep(int layer, RecurrentProjections projections) {
    this.layer = layer;
    this.projections = projections;
  }

  @Override
  public final void run(CpuDevice device, BatchRows batch, Workspace work) {
    run(device, batch, work.recurrent, work.normed, work.delta);
  }

  /**
   * Computes a batch.
   *
   * @param input {@code [tokens, hiddenSize]}
   * @param result as {@code input}
   */
  final void run(
      CpuDevice device, BatchRows batch, RecurrentRows rows, F32Matrix input, F32Matrix result) {
    List<MemorySegment> states =
        batch.slices.stream().map(slice -> slice.cache().state(layer)).toList();
    device.matmul(projections.input().jobs(input, batch.all, rows.projected(), 0));
    Biases.add(device, projections.inputBias(), batch.count, rows.projected());
    mix(device, batch, rows, states);
    device.matmul(List.of(new MatmulJob(projections.output(), rows.read(), batch.all, result, 0)));
    Biases.add(device, projections.outputBias(), batch.count, result);
  }

  /**
   * Makes {@code rows.read()} of {@code rows.projected()} and the states, and takes those on.
   *
   * @param states of the slices, see {@link RecurrentRows#stateBytes}
   */
  abstract void mix(
      CpuDevice device, BatchRows batch, RecurrentRows rows, List<MemorySegment> states);
}
