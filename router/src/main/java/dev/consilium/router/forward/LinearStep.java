package dev.consilium.router.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.consilium.model.family.ChannelDeltaNet;
import dev.consilium.model.family.GatedDeltaNet;
import dev.consilium.model.family.LightningAttention;
import dev.consilium.model.family.LinearAttention;
import dev.consilium.model.family.Mamba2;
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
import java.util.Arrays;
import java.util.List;

/**
 * A layer of linear attention over a batch.
 *
 * <ol>
 *   <li>Project: queries, keys, values, output gate and scalars of every token in one product.
 *   <li>Convolve queries, keys and values with those of the tokens before, if the layer does so;
 *       keep the last inputs for the tokens to come.
 *   <li>Prepare each token: SiLU, lengths of queries and keys, decay and strength of every head.
 *   <li>Recur: each head of each sequence takes its state from token to token.
 *   <li>Finish each token: norm and output gate. Project back.
 * </ol>
 *
 * <p>Heads and sequences go at once.
 */
final class LinearStep extends RecurrentStep {
  /** Columns of a state that all tokens of a chunk pass before the next columns: some 32 KiB. */
  private static final int STATE_COLUMNS = 64;

  private static final float LENGTH_EPSILON = 1e-6f;

  private final LinearAttention spec;
  private final LinearWeights weights;
  private final float epsilon;

  /** Makes an RMS norm a division by the length, for queries also by {@code sqrt(keyDim)}. */
  private final F32Vector queryFactors;

  private final F32Vector keyFactors;

  private final StateUpdate.Rule rule;

  LinearStep(int layer, LinearWeights weights, float epsilon) {
    super(layer, weights.projections());
    this.spec = weights.spec();
    this.weights = weights;
    this.epsilon = epsilon;
    this.queryFactors = constant(spec.keyDim(), 1.0 / spec.keyDim());
    this.rule =
        switch (spec) {
          case GatedDeltaNet _, ChannelDeltaNet _ -> StateUpdate.Rule.CORRECT;
          case LightningAttention _, Mamba2 _ -> StateUpdate.Rule.ADD;
        };
    this.keyFactors = constant(spec.keyDim(), 1 / Math.sqrt(spec.keyDim()));
  }

  @Override
  void mix(CpuDevice device, BatchRows batch, RecurrentRows rows, List<MemorySegment> states) {
    widen(device, batch, rows);
    RecurrentRows convolved = convolve(device, batch, rows, states);
    device.parallel(batch.count, row -> prepare(device.kernels(), row, convolved));
    device.parallel(
        states.size() * spec.heads(),
        task -> {
          int slice = task / spec.heads();
          recur(device.kernels(), batch, slice, task % spec.heads(), convolved, states.get(slice));
        });
    device.parallel(batch.count, row -> finish(device.kernels(), row, convolved));
  }

  /** Queries, keys and values: convolved, or as they were projected. */
  private RecurrentRows convolve(
      CpuDevice device, BatchRows batch, RecurrentRows rows, List<MemorySegment> states) {
    if (weights.convolution().isEmpty()) {
      return rows.unconvolved();
    }
    weights.convolution().get().run(device, batch, rows.projected(), rows.convolved(), states);
    return rows;
  }

  /** Makes of narrow vectors what decays are made of, and output gates. */
  private void widen(CpuDevice device, BatchRows batch, RecurrentRows rows) {
    if (spec instanceof ChannelDeltaNet delta) {
      LinearWeights.Narrow up = weights.narrow().orElseThrow();
      F32Matrix projected = rows.projected();
      F32Matrix forDecays = projected.columns(delta.rankColumn(), delta.rank());
      F32Matrix forGates = projected.columns(delta.rankColumn() + delta.rank(), delta.rank());
      F32Matrix gates = projected.columns(delta.gateColumn(), delta.valueWidth());
      device.matmul(
          List.of(
              new MatmulJob(up.decays(), forDecays, batch.all, rows.decay(), 0),
              new MatmulJob(up.gates(), forGates, batch.all, gates, 0)));
    }
  }

  private void prepare(Kernels kernels, int row, RecurrentRows rows) {
    kernels.silu(spec.channels(), rows.convolved().segment(), rows.convolved().offset(row));
    long scalars = rows.projected().offset(row) + bytes(spec.scalarColumn());
    MemorySegment projected = rows.projected().segment();
    for (int head = 0; head < spec.heads(); head++) {
      switch (spec) {
        case GatedDeltaNet _ -> {
          float second = projected.get(JAVA_FLOAT, scalars + bytes(spec.heads() + head));
          setDecay(rows, row, head, timeStep(second, head));
          setStrength(rows, row, head, Exp.sigmoid(first(projected, scalars, head)));
        }
        case ChannelDeltaNet _ -> {
          setDecays(rows, row, head);
          setStrength(rows, row, head, Exp.sigmoid(first(projected, scalars, head)));
        }
        case LightningAttention _ -> {
          setDecay(rows, row, head, 1);
          setStrength(rows, row, head, 1);
        }
        case Mamba2 mamba -> {
          float step = timeStep(first(projected, scalars, head), head);
          float clamped = Math.clamp(step, mamba.least(), mamba.most());
          setDecay(rows, row, head, clamped);
          setStrength(rows, row, head, clamped);
        }
      }
    }
    if (spec instanceof GatedDeltaNet || spec instanceof ChannelDeltaNet) {
      divideByLength(kernels, row, rows);
    }
  }

  private static float first(MemorySegment projected, long scalars, int head) {
    return projected.get(JAVA_FLOAT, scalars + bytes(head));
  }

  private void setStrength(RecurrentRows rows, int row, int head, float strength) {
    rows.strength().set(row, head, strength);
  }

  private void setDecay(RecurrentRows rows, int row, int head, float step) {
    rows.decay().set(row, head, Exp.exp(weights.decayRate().get(head) * step));
  }

  /** Of every row of a head's state, in place of what they are made of. */
  private void setDecays(RecurrentRows rows, int row, int head) {
    float rate = weights.decayRate().get(head);
    for (int i = head * spec.decays(); i < (head + 1) * spec.decays(); i++) {
      rows.decay().set(row, i, Exp.exp(rate * timeStep(rows.decay().get(row, i), i)));
    }
  }

  private float timeStep(float scalar, int decay) {
    return Exp.softplus(scalar + weights.timeStepBias().get(decay));
  }

  private void divideByLength(Kernels kernels, int row, RecurrentRows rows) {
    MemorySegment memory = rows.convolved().segment();
    int dim = spec.keyDim();
    float lengthEpsilon = LENGTH_EPSILON / dim;
    long query = rows.convolved().offset(row);
    long key = query + bytes(spec.keyWidth());
    kernels.rmsNormEach(spec.keyHeads(), dim, queryFactors, lengthEpsilon, memory, query);
    kernels.rmsNormEach(spec.keyHeads(), dim, keyFactors, lengthEpsilon, memory, key);
  }

  /** Takes a head's state through the tokens of a slice, some columns after the others. */
  private void recur(
      Kernels kernels,
      BatchRows batch,
      int slice,
      int head,
      RecurrentRows rows,
      MemorySegment state) {
    long elements = (long) spec.keyDim() * spec.valueDim();
    long at = bytes(spec.windowElements() + head * elements);
    if (batch.slices.get(slice).from() == 0) {
      state.asSlice(at, bytes(elements)).fill((byte) 0);
    }
    for (int from = 0; from < spec.valueDim(); from += STATE_COLUMNS) {
      int count = Math.min(STATE_COLUMNS, spec.valueDim() - from);
      StateColumns columns =
          new StateColumns(state, at + bytes(from), spec.keyDim(), count, bytes(spec.valueDim()));
      for (int row = batch.firstRow(slice); row <= batch.lastRow(slice); row++) {
        recur(kernels, columns, from, head, row, rows);
      }
    }
  }

  private void recur(
      Kernels kernels, StateColumns columns, int from, int head, int row, RecurrentRows rows) {
    MemorySegment memory = rows.convolved().segment();
    long query = rows.convolved().offset(row) + bytes((long) keyHead(head) * spec.keyDim());
    long value =
        rows.convolved().offset(row) + bytes(2L * spec.keyWidth() + valueColumn(head) + from);
    long read = rows.read().offset(row) + bytes(valueColumn(head) + from);
    StateUpdate update =
        new StateUpdate(
            rule,
            new StateDecay.Factors(
                rows.decay().segment(),
                rows.decay().offset(row) + bytes((long) head * spec.decays()),
                spec.decays() == 1 ? 0 : Float.BYTES),
            rows.strength().get(row, head),
            memory,
            query,
            query + bytes(spec.keyWidth()),
            memory,
            value);
    kernels.recur(columns, update, rows.read().segment(), read);
    weights
        .skip()
        .ifPresent(skip ->
            kernels.multiplyAdd(
                skip.get(head), memory, value, columns.count(), rows.read().segment(), read));
  }

  private void finish(Kernels kernels, int row, RecurrentRows rows) {
    MemorySegment read = rows.read().segment();
    long at = rows.read().offset(row);
    MemorySegment gate = rows.projected().segment();
    long gateAt = rows.projected().offset(row) + bytes(spec.gateColumn());
    int width = spec.valueWidth();
    switch (spec) {
      case GatedDeltaNet _ -> {
        kernels.rmsNormEach(spec.heads(), spec.valueDim(), weights.norm(), epsilon, read, at);
        kernels.siluMultiply(gate, gateAt, read, at, width, read, at);
      }
      case ChannelDeltaNet _ -> {
        kernels.rmsNormEach(spec.heads(), spec.valueDim(), weights.norm(), epsilon, read, at);
        kernels.sigmoidMultiply(gate, gateAt, width, read, at);
      }
      case LightningAttention lightning -> {
        kernels.rmsNorm(read, at, width, weights.norm(), 0, lightning.normEpsilon(), read, at);
        kernels.sigmoidMultiply(gate, gateAt, width, read, at);
      }
      case Mamba2 mamba -> {
        kernels.siluMultiply(gate, gateAt, read, at, width, read, at);
        int ofGroup = width / mamba.normGroups();
        for (int from = 0; from < width; from += ofGroup) {
          long of = at + bytes(from);
          kernels.rmsNorm(read, of, ofGroup, weights.norm(), from, epsilon, read, of);
        }
      }
    }
  }

  private int keyHead(int head) {
    return weights.inTurns() ? head % spec.keyHeads() : head / (spec.heads() / spec.keyHeads());
  }

  private long valueColumn(int head) {
    return (long) head * spec.valueDim();
  }

  private static F32Vector constant(int length, double value) {
    float[] values = new float[length];
    Arrays.fill(values, (float) value);
    return F32Vector.of(values);
  }

  private static long bytes(long floats) {
    return floats * Float.BYTES;
  }
}
