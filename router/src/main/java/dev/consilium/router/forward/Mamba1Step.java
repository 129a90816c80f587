package dev.consilium.router.forward;

import dev.consilium.model.family.Mamba1;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.Exp;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.MatmulJob;
import dev.consilium.tensor.StateColumns;
import dev.consilium.tensor.StateDecay;
import dev.consilium.tensor.StateUpdate;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A layer of Mamba over a batch.
 *
 * <ol>
 *   <li>Project: what is convolved, and the gate, of every token in one product.
 *   <li>Convolve, keep the last inputs for the tokens to come; SiLU.
 *   <li>Select: time steps, B and C of every token.
 *   <li>Recur: some channels of each sequence at a time, from token to token. To the kernel, all
 *       channels are columns of one head's state; C is the query, B the key.
 *   <li>Finish each token: skip and gate. Project back.
 * </ol>
 */
final class Mamba1Step extends RecurrentStep {
  /** Channels that a task takes from token to token. */
  private static final int TASK_CHANNELS = 256;

  private final Mamba1 spec;
  private final Mamba1Weights weights;
  private final float epsilon;

  Mamba1Step(int layer, Mamba1Weights weights, float epsilon) {
    super(layer, weights.projections());
    this.spec = weights.spec();
    this.weights = weights;
    this.epsilon = epsilon;
  }

  @Override
  void mix(CpuDevice device, BatchRows batch, RecurrentRows rows, List<MemorySegment> states) {
    weights.convolution().run(device, batch, rows.projected(), rows.convolved(), states);
    device.parallel(batch.count, row -> activate(device.kernels(), row, rows));
    select(device, batch, rows);
    int parts = Math.ceilDiv(spec.channels(), TASK_CHANNELS);
    device.parallel(
        states.size() * parts,
        task -> {
          int slice = task / parts;
          recur(device.kernels(), batch, slice, task % parts, rows, states.get(slice));
        });
    device.parallel(batch.count, row -> finish(device.kernels(), row, rows));
  }

  private void activate(Kernels kernels, int row, RecurrentRows rows) {
    kernels.silu(spec.channels(), rows.convolved().segment(), rows.convolved().offset(row));
  }

  private void select(CpuDevice device, BatchRows batch, RecurrentRows rows) {
    Mamba1Weights.Selection selection = weights.selection();
    F32Matrix convolved = rows.convolved().columns(0, spec.channels());
    F32Matrix selected = rows.selected();
    device.matmul(List.of(new MatmulJob(selection.matrix(), convolved, batch.all, selected, 0)));
    device.parallel(batch.count, row -> normalise(device.kernels(), row, selected));
    F32Matrix narrow = selected.columns(0, spec.rank());
    device.matmul(List.of(new MatmulJob(selection.steps(), narrow, batch.all, rows.decay(), 0)));
    device.parallel(batch.count, row -> makeSteps(device.kernels(), row, rows));
  }

  private void normalise(Kernels kernels, int row, F32Matrix selected) {
    Mamba1Weights.Selection selection = weights.selection();
    long at = selected.offset(row);
    normalise(kernels, selected.segment(), at, selection.stepNorm());
    normalise(kernels, selected.segment(), at + bytes(spec.rank()), selection.keyNorm());
    normalise(
        kernels,
        selected.segment(),
        at + bytes(spec.rank() + spec.stateSize()),
        selection.queryNorm());
  }

  private void normalise(Kernels kernels, MemorySegment memory, long at, F32Vector norm) {
    kernels.rmsNorm(memory, at, norm.length(), norm, 0, epsilon, memory, at);
  }

  /** Time steps, and in {@code strength} what each channel writes: its step times its value. */
  private void makeSteps(Kernels kernels, int row, RecurrentRows rows) {
    F32Matrix steps = rows.decay();
    for (int channel = 0; channel < spec.channels(); channel++) {
      float step = steps.get(row, channel) + weights.selection().stepBias().get(channel);
      steps.set(row, channel, Exp.softplus(step));
    }
    MemorySegment written = rows.strength().segment();
    long at = rows.strength().offset(row);
    written.asSlice(at, bytes(spec.channels())).fill((byte) 0);
    kernels.multiplyAddEach(
        steps.segment(),
        steps.offset(row),
        rows.convolved().segment(),
        rows.convolved().offset(row),
        spec.channels(),
        written,
        at);
  }

  /** Takes some channels through the tokens of a slice. */
  private void recur(
      Kernels kernels,
      BatchRows batch,
      int slice,
      int part,
      RecurrentRows rows,
      MemorySegment state) {
    int from = part * TASK_CHANNELS;
    int count = Math.min(TASK_CHANNELS, spec.channels() - from);
    long rowBytes = bytes(spec.channels());
    long at = bytes(spec.windowElements()) + bytes(from);
    if (batch.slices.get(slice).from() == 0) {
      for (int n = 0; n < spec.stateSize(); n++) {
        state.asSlice(at + n * rowBytes, bytes(count)).fill((byte) 0);
      }
    }
    StateColumns columns = new StateColumns(state, at, spec.stateSize(), count, rowBytes);
    for (int row = batch.firstRow(slice); row <= batch.lastRow(slice); row++) {
      long read = rows.read().offset(row) + bytes(from);
      kernels.recur(columns, update(rows, row, from), rows.read().segment(), read);
    }
  }

  private StateUpdate update(RecurrentRows rows, int row, int from) {
    StateDecay decay =
        new StateDecay.Rates(
            weights.rates().segment(),
            bytes(from),
            bytes(spec.channels()),
            rows.decay().segment(),
            rows.decay().offset(row) + bytes(from));
    long key = rows.selected().offset(row) + bytes(spec.rank());
    return new StateUpdate(
        StateUpdate.Rule.ADD,
        decay,
        1,
        rows.selected().segment(),
        key + bytes(spec.stateSize()),
        key,
        rows.strength().segment(),
        rows.strength().offset(row) + bytes(from));
  }

  private void finish(Kernels kernels, int row, RecurrentRows rows) {
    MemorySegment read = rows.read().segment();
    long at = rows.read().offset(row);
    kernels.multiplyAddEach(
        weights.skip().segment(),
        0,
        rows.convolved().segment(),
        rows.convolved().offset(row),
        spec.channels(),
        read,
        at);
    long gate = rows.projected().offset(row) + bytes(spec.channels());
    kernels.siluMultiply(rows.projected().segment(), gate, read, at, spec.channels(), read, at);
  }

  private static long bytes(long floats) {
    return floats * Float.BYTES;
  }
}
