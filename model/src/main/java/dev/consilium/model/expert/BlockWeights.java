package dev.consilium.model.expert;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.MatrixPart;
import dev.consilium.model.checkpoint.StackedMatrix;
import dev.consilium.model.family.Activation;
import dev.consilium.model.family.BlockBody;
import dev.consilium.model.family.BlockNames;
import dev.consilium.model.family.FeedForwardNames;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.PackedMatrix;
import java.util.List;
import java.util.Optional;

/**
 * The weights of a feed-forward block {@code down(activation(gate x, up x))}. Gate and up are one
 * matrix, so that one product gives both; a block without a gate has up alone there.
 *
 * <p>Read-only; any number of threads may use it until {@link #close}.
 *
 * @param gateUp {@code [2 * intermediateSize, width]}, gate rows first
 * @param down {@code [width, intermediateSize]}
 * @param activation between the products
 * @param biases what is added to the products
 */
record BlockWeights(
    StackedMatrix gateUp, PackedMatrix down, Activation activation, Optional<Biases> biases)
    implements AutoCloseable {

  /**
   * What is added to the products.
   *
   * @param gateUp {@code [2 * intermediateSize]}, the gate's first
   * @param down {@code [width]}
   */
  record Biases(F32Vector gateUp, F32Vector down) {
    static Biases load(Checkpoint checkpoint, BlockNames names, Size size, boolean gated) {
      F32Vector up = checkpoint.vector(names.up(), size.intermediate());
      return new Biases(
          gated ? joined(checkpoint.vector(names.gate(), size.intermediate()), up) : up,
          checkpoint.vector(names.down(), size.width()));
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

  /**
   * How large a block is.
   *
   * @param width of what it takes and gives
   * @param intermediate width inside
   */
  record Size(int width, int intermediate) {}

  /** A block that sees every token. */
  static BlockWeights load(
      Checkpoint checkpoint, BlockNames names, int intermediateSize, BlockBody body) {
    Size size = new Size(checkpoint.spec().hiddenSize(), intermediateSize);
    return load(checkpoint, names, names.biases(), size, body);
  }

  /** A routed expert. */
  static BlockWeights load(
      Checkpoint checkpoint, FeedForwardNames names, MixtureOfExperts experts, int index) {
    return load(
        checkpoint,
        names.expert(index),
        names.expertBias(index),
        size(checkpoint, experts),
        experts.body());
  }

  private static BlockWeights load(
      Checkpoint checkpoint, BlockNames names, BlockNames biasNames, Size size, BlockBody body) {
    boolean gated = body.activation().gated();
    Optional<Biases> biases =
        body.biases()
            ? Optional.of(Biases.load(checkpoint, biasNames, size, gated))
            : Optional.empty();
    StackedMatrix gateUp =
        checkpoint.stackedMatrix(size.width(), gateUpParts(names, size.intermediate(), gated));
    try {
      PackedMatrix down = checkpoint.matrix(names.down(), size.width(), size.intermediate());
      return new BlockWeights(gateUp, down, body.activation(), biases);
    } catch (RuntimeException | Error e) {
      gateUp.close();
      throw e;
    }
  }

  /** Memory that a routed expert takes. */
  static long memoryBytes(Checkpoint checkpoint, FeedForwardNames names, MixtureOfExperts experts) {
    Size size = size(checkpoint, experts);
    BlockNames first = names.expert(0);
    List<MatrixPart> gateUp =
        gateUpParts(first, size.intermediate(), experts.body().activation().gated());
    long gateUpRows = gateUp.stream().mapToLong(MatrixPart::rows).sum();
    long biases = experts.body().biases() ? (gateUpRows + size.width()) * Float.BYTES : 0;
    return checkpoint.stackedMatrixBytes(size.width(), gateUp)
        + checkpoint.stackedMatrixBytes(
            size.intermediate(), List.of(new MatrixPart(first.down(), size.width())))
        + biases;
  }

  private static Size size(Checkpoint checkpoint, MixtureOfExperts experts) {
    return new Size(
        experts.expertWidth(checkpoint.spec().hiddenSize()), experts.expertIntermediateSize());
  }

  private static List<MatrixPart> gateUpParts(
      BlockNames names, int intermediateSize, boolean gated) {
    MatrixPart up = new MatrixPart(names.up(), intermediateSize);
    return gated ? List.of(new MatrixPart(names.gate(), intermediateSize), up) : List.of(up);
  }

  int intermediateSize() {
    return down.columns();
  }

  /** Width of what the block takes and gives. */
  int width() {
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
