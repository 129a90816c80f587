package dev.consilium.router.forward;

import dev.consilium.model.expert.BlockComputation;
import dev.consilium.model.expert.FeedForwardBlock;
import dev.consilium.model.family.FeedForwardNames;
import dev.consilium.model.family.SharedExpert;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.Exp;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.MatmulJob;
import dev.consilium.tensor.PackedMatrix;
import java.util.List;
import java.util.Optional;

/** The expert that sees every token, if a layer has one. Computed by the router itself. */
sealed interface SharedWeights permits SharedWeights.None, SharedWeights.Block {

  /** What the shared expert adds to each token; computed, not yet added. */
  interface Outputs {
    void addTo(CpuDevice device, BatchRows batch, F32Matrix sum);
  }

  /** Reads {@code hidden}, normalised. */
  Outputs compute(CpuDevice device, BatchRows batch, F32Matrix hidden);

  /** Bytes of the matrices. */
  long matrixBytes();

  /** No shared expert. */
  record None() implements SharedWeights {
    @Override
    public Outputs compute(CpuDevice device, BatchRows batch, F32Matrix hidden) {
      return (onDevice, ofBatch, sum) -> {};
    }

    @Override
    public long matrixBytes() {
      return 0;
    }
  }

  /**
   * One block.
   *
   * @param weight {@code [1, hiddenSize]}: the sigmoid of its product with a token multiplies the
   *     output; empty: taken as it is
   */
  record Block(FeedForwardBlock block, Optional<PackedMatrix> weight) implements SharedWeights {
    static Block load(
        WeightLoader loader, FeedForwardNames names, SharedExpert spec, BlockComputation blocks) {
      return new Block(
          loader.block(names.shared(), spec.intermediateSize(), spec.body(), blocks),
          spec.sigmoidGated()
              ? Optional.of(loader.matrix(names.sharedGate(), 1, loader.spec().hiddenSize()))
              : Optional.empty());
    }

    @Override
    public Outputs compute(CpuDevice device, BatchRows batch, F32Matrix hidden) {
      F32Matrix outputs = block.compute(hidden, batch.all);
      weight.ifPresent(gate -> weigh(device, gate, batch, hidden, outputs));
      return (onDevice, ofBatch, sum) ->
          onDevice.parallel(
              ofBatch.count,
              row ->
                  onDevice
                      .kernels()
                      .add(
                          outputs.segment(),
                          outputs.offset(row),
                          sum.columns(),
                          sum.segment(),
                          sum.offset(row)));
    }

    private static void weigh(
        CpuDevice device, PackedMatrix gate, BatchRows batch, F32Matrix hidden, F32Matrix outputs) {
      F32Matrix scores = F32Matrix.allocate(batch.count, 1);
      device.matmul(List.of(new MatmulJob(gate, hidden, batch.all, scores, 0)));
      device.parallel(
          batch.count,
          row -> {
            float weight = 1 / (1 + Exp.exp(-scores.get(row, 0)));
            device
                .kernels()
                .scale(weight, outputs.columns(), outputs.segment(), outputs.offset(row));
          });
    }

    @Override
    public long matrixBytes() {
      return block.memoryBytes() + weight.map(PackedMatrix::byteSize).orElse(0L);
    }
  }
}
