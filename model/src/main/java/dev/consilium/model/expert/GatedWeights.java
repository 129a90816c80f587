package dev.consilium.model.expert;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.MatrixPart;
import dev.consilium.model.checkpoint.StackedMatrix;
import dev.consilium.model.family.FeedForwardNames;
import dev.consilium.model.family.GatedActivation;
import dev.consilium.model.family.GatedNames;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.PackedMatrix;
import java.util.List;
import java.util.Optional;

/**
 * The weights of a gated block {@code down(activation(gate x, up x))}. Gate and up are one matrix,
 * so that one product gives both.
 *
 * <p>Read-only; any number of threads may use it until {@link #close}.
 *
 * @param gateUp {@code [2 * intermediateSize, hiddenSize]}, gate rows first
 * @param down {@code [hiddenSize, intermediateSize]}
 * @param activation between the products
 * @param biases what is added to the products
 */
record GatedWeights(
    StackedMatrix gateUp, PackedMatrix down, GatedActivation activation, Optional<Biases> biases)
    implements AutoCloseable {

  /**
   * What is added to the products.
   *
   * @param gateUp {@code [2 * intermediateSize]}, the gate's first
   * @param down {@code [hiddenSize]}
   */
  record Biases(F32Vector gateUp, F32Vector down) {
    static Biases load(Checkpoint checkpoint, GatedNames names, int intermediateSize) {
      return new Biases(
          joined(
              checkpoint.vector(names.gate(), intermediateSize),
              checkpoint.vector(names.up(), intermediateSize)),
          checkpoint.vector(names.down(), checkpoint.spec().hiddenSize()));
    }

    private static F32Vector joined(F32Vector first, F32Vector second) {
      float[] both = new float[first.length() + second.length()];
      for (int i = 0; i < both.length; i++) {
        both[i] = i < first.length() ? first.get(i) : second.get(i - first.length());
      }
      return F32Vector.of(both);
    }

    long byteSize() {
      return (long) (gateUp.length() + down.length()) * Float.BYTES;
    }
  }

  /** A block of SwiGLU. */
  static GatedWeights load(
      Checkpoint checkpoint, GatedNames names, int intermediateSize, boolean hasBiases) {
    Optional<Biases> biases =
        hasBiases
            ? Optional.of(Biases.load(checkpoint, names.biases(), intermediateSize))
            : Optional.empty();
    return load(checkpoint, names, intermediateSize, new GatedActivation.SwiGlu(), biases);
  }

  /** A routed expert. */
  static GatedWeights load(
      Checkpoint checkpoint, FeedForwardNames names, MixtureOfExperts experts, int index) {
    int size = experts.expertIntermediateSize();
    Optional<Biases> biases =
        experts.body().biases()
            ? Optional.of(Biases.load(checkpoint, names.expertBias(index), size))
            : Optional.empty();
    return load(checkpoint, names.expert(index), size, experts.body().activation(), biases);
  }

  private static GatedWeights load(
      Checkpoint checkpoint,
      GatedNames names,
      int intermediateSize,
      GatedActivation activation,
      Optional<Biases> biases) {
    int hidden = checkpoint.spec().hiddenSize();
    StackedMatrix gateUp = checkpoint.stackedMatrix(hidden, gateUpParts(names, intermediateSize));
    try {
      PackedMatrix down = checkpoint.matrix(names.down(), hidden, intermediateSize);
      return new GatedWeights(gateUp, down, activation, biases);
    } catch (RuntimeException | Error e) {
      gateUp.close();
      throw e;
    }
  }

  /** Memory that a routed expert takes. */
  static long memoryBytes(Checkpoint checkpoint, FeedForwardNames names, MixtureOfExperts experts) {
    int hidden = checkpoint.spec().hiddenSize();
    int size = experts.expertIntermediateSize();
    GatedNames first = names.expert(0);
    long biases = experts.body().biases() ? (2L * size + hidden) * Float.BYTES : 0;
    return checkpoint.stackedMatrixBytes(hidden, gateUpParts(first, size))
        + checkpoint.stackedMatrixBytes(size, List.of(new MatrixPart(first.down(), hidden)))
        + biases;
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
    return gateUp.byteSize() + down.byteSize() + biases.map(Biases::byteSize).orElse(0L);
  }

  @Override
  public void close() {
    gateUp.close();
    down.close();
  }
}
