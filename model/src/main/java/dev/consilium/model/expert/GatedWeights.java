package dev.consilium.model.expert;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.MatrixPart;
import dev.consilium.model.checkpoint.StackedMatrix;
import dev.consilium.model.family.GatedNames;
import dev.consilium.tensor.PackedMatrix;
import java.util.List;

/**
 * The matrices of a gated block {@code down(silu(gate x) * up x)}. Gate and up are one matrix, so
 * that one product gives both.
 *
 * <p>Read-only; any number of threads may use it until {@link #close}.
 *
 * @param gateUp {@code [2 * intermediateSize, hiddenSize]}, gate rows first
 * @param down {@code [hiddenSize, intermediateSize]}
 */
record GatedWeights(StackedMatrix gateUp, PackedMatrix down) implements AutoCloseable {

  static GatedWeights load(Checkpoint checkpoint, GatedNames names, int intermediateSize) {
    int hidden = checkpoint.spec().hiddenSize();
    StackedMatrix gateUp = checkpoint.stackedMatrix(hidden, gateUpParts(names, intermediateSize));
    try {
      return new GatedWeights(gateUp, checkpoint.matrix(names.down(), hidden, intermediateSize));
    } catch (RuntimeException | Error e) {
      gateUp.close();
      throw e;
    }
  }

  /** Memory that {@link #load} takes. */
  static long memoryBytes(Checkpoint checkpoint, GatedNames names, int intermediateSize) {
    int hidden = checkpoint.spec().hiddenSize();
    return checkpoint.stackedMatrixBytes(hidden, gateUpParts(names, intermediateSize))
        + checkpoint.stackedMatrixBytes(
            intermediateSize, List.of(new MatrixPart(names.down(), hidden)));
  }

  private static List<MatrixPart> gateUpParts(GatedNames names, int intermediateSize) {
    return List.of(
        new MatrixPart(names.gate(), intermediateSize),
        new MatrixPart(names.up(), intermediateSize));
  }

  int intermediateSize() {
    return down.columns();
  }

  int hiddenSize() {
    return down.rows();
  }

  long memoryBytes() {
    return gateUp.byteSize() + down.byteSize();
  }

  @Override
  public void close() {
    gateUp.close();
    down.close();
  }
}
