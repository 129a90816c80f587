package dev.consilium.router.forward;

import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.model.family.WeightNames;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.IntUnaryOperator;

/**
 * Adds up the inputs of the last tokens, each channel by itself: {@code y[t] = bias + sum over tap
 * of weights[tap] * x[t - taps + 1 + tap]}. What lies before position 0 is left out.
 *
 * <p>A sequence's state begins with the window: the inputs of its last {@code taps - 1} tokens, the
 * newest last.
 *
 * @param weights {@code [taps, channels]}, the oldest token's tap first
 * @param bias {@code [channels]}; zeros where the model has none
 */
record CausalConvolution(int channels, int taps, F32Vector weights, F32Vector bias) {
  /** Channels that a task convolves. */
  private static final int TASK_CHANNELS = 2048;

  /**
   * Loads from {@code [channels, 1, taps]}.
   *
   * @param biased whether there is a bias beside the weights
   * @param stored which channel of the file is a channel
   */
  static CausalConvolution load(
      WeightLoader loader,
      String name,
      RecurrentAttention spec,
      boolean biased,
      IntUnaryOperator stored) {
    int channels = spec.channels();
    float[] weights = loader.values(name, List.of((long) channels, 1L, (long) spec.taps()));
    float[] bias = new float[channels];
    if (biased) {
      F32Vector inFile = loader.vector(WeightNames.bias(name), channels);
      for (int channel = 0; channel < channels; channel++) {
        bias[channel] = inFile.get(stored.applyAsInt(channel));
      }
    }
    return new CausalConvolution(
        channels, spec.taps(), byTap(weights, spec, stored), F32Vector.of(bias));
  }

  /** Loads from several {@code [., 1, taps]} with as many channels each, without biases. */
  static CausalConvolution load(WeightLoader loader, List<String> names, RecurrentAttention spec) {
    int channels = spec.channels();
    int ofOne = channels / names.size();
    float[] all = new float[channels * spec.taps()];
    for (int i = 0; i < names.size(); i++) {
      float[] one = loader.values(names.get(i), List.of((long) ofOne, 1L, (long) spec.taps()));
      System.arraycopy(one, 0, all, i * one.length, one.length);
    }
    return new CausalConvolution(
        channels,
        spec.taps(),
        byTap(all, spec, IntUnaryOperator.identity()),
        F32Vector.of(new float[channels]));
  }

  private static F32Vector byTap(float[] stored, RecurrentAttention spec, IntUnaryOperator where) {
    float[] byTap = new float[stored.length];
    for (int channel = 0; channel < spec.channels(); channel++) {
      for (int tap = 0; tap < spec.taps(); tap++) {
        byTap[tap * spec.channels() + channel] =
            stored[where.applyAsInt(channel) * spec.taps() + tap];
      }
    }
    return F32Vector.of(byTap);
  }

  /**
   * Convolves every token of a batch, from column 0 of {@code x} to column 0 of {@code y}, and
   * keeps the inputs of the last tokens of every slice.
   *
   * @param states of the slices
   */
  void run(
      CpuDevice device, BatchRows batch, F32Matrix x, F32Matrix y, List<MemorySegment> states) {
    int parts = Math.ceilDiv(channels, TASK_CHANNELS);
    device.parallel(
        batch.count * parts,
        task -> {
          int row = task / parts;
          int from = task % parts * TASK_CHANNELS;
          int end = Math.min(from + TASK_CHANNELS, channels);
          run(device.kernels(), batch, row, from, end, x, y, states.get(batch.slice[row]));
        });
    // Nobody needs the old windows any more.
    device.parallel(states.size(), slice -> keepWindow(batch, slice, x, states.get(slice)));
  }

  /** Some channels of a token: bias, then the taps from the oldest token's on. */
  private void run(
      Kernels kernels,
      BatchRows batch,
      int row,
      int from,
      int end,
      F32Matrix x,
      F32Matrix y,
      MemorySegment state) {
    long at = y.offset(row) + bytes(from);
    MemorySegment.copy(bias.segment(), bytes(from), y.segment(), at, bytes(end - from));
    int firstRow = batch.firstRow(batch.slice[row]);
    for (int tap = 0; tap < taps; tap++) {
      int back = taps - 1 - tap;
      if (batch.position[row] < back) {
        continue; // before the beginning
      }
      boolean inBatch = row - back >= firstRow;
      long input = inBatch ? x.offset(row - back) : windowAt(taps - 1 + row - back - firstRow);
      kernels.multiplyAddEach(
          weights.segment(),
          bytes((long) tap * channels + from),
          inBatch ? x.segment() : state,
          input + bytes(from),
          end - from,
          y.segment(),
          at);
    }
  }

  private void keepWindow(BatchRows batch, int slice, F32Matrix x, MemorySegment state) {
    int kept = taps - 1;
    for (int i = 0; i < kept; i++) {
      int row = batch.lastRow(slice) + 1 - kept + i;
      if (row >= batch.firstRow(slice)) {
        MemorySegment.copy(x.segment(), x.offset(row), state, windowAt(i), bytes(channels));
      } else {
        int moved = i + batch.slices.get(slice).count();
        MemorySegment.copy(state, windowAt(moved), state, windowAt(i), bytes(channels));
      }
    }
  }

  /** Where the inputs of a token lie in the window; 0 is the oldest. */
  private long windowAt(int token) {
    return bytes((long) token * channels);
  }

  private static long bytes(long floats) {
    return floats * Float.BYTES;
  }
}
