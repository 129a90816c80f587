package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.family.Mamba1;
import dev.consilium.model.family.RecurrentNames;
import dev.consilium.model.family.RecurrentNames.Part;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.PackedMatrix;
import java.util.List;
import java.util.function.IntUnaryOperator;

/**
 * Weights of one layer of Mamba.
 *
 * @param projections of a token to what is convolved, and the gate
 * @param selection what each token gives behind the convolution
 * @param rates {@code [stateSize, channels]}, negative: the logarithm of the decay is its product
 *     with the time step
 * @param skip {@code [channels]}
 */
record Mamba1Weights(
    Mamba1 spec,
    RecurrentProjections projections,
    CausalConvolution convolution,
    Selection selection,
    F32Vector rates,
    F32Vector skip)
    implements AttentionWeights {

  /**
   * From convolved values to time steps, B and C.
   *
   * @param matrix {@code [selectionWidth, channels]}
   * @param stepNorm {@code [rank]}
   * @param keyNorm of B, {@code [stateSize]}
   * @param queryNorm of C, {@code [stateSize]}
   * @param steps {@code [channels, rank]}
   * @param stepBias {@code [channels]}
   */
  record Selection(
      PackedMatrix matrix,
      F32Vector stepNorm,
      F32Vector keyNorm,
      F32Vector queryNorm,
      PackedMatrix steps,
      F32Vector stepBias) {
    static Selection load(Checkpoint checkpoint, RecurrentNames names, Mamba1 spec) {
      return new Selection(
          checkpoint.matrix(names.of(Part.SELECTION), spec.selectionWidth(), spec.channels()),
          checkpoint.vector(names.of(Part.TIME_STEP_NORM), spec.rank()),
          checkpoint.vector(names.of(Part.KEY_NORM), spec.stateSize()),
          checkpoint.vector(names.of(Part.QUERY_NORM), spec.stateSize()),
          checkpoint.matrix(names.of(Part.TIME_STEP), spec.channels(), spec.rank()),
          Biases.load(checkpoint, names.of(Part.TIME_STEP), spec.channels()));
    }
  }

  static Mamba1Weights load(Checkpoint checkpoint, int layer, Mamba1 spec) {
    RecurrentNames names = checkpoint.spec().names().attention(layer).recurrent();
    return new Mamba1Weights(
        spec,
        RecurrentProjections.load(checkpoint, names, spec, spec.projectionBiases()),
        CausalConvolution.load(
            checkpoint,
            names.of(Part.CONVOLUTION),
            spec,
            spec.convolutionBias(),
            IntUnaryOperator.identity()),
        Selection.load(checkpoint, names, spec),
        rates(checkpoint, names.of(Part.DECAY), spec),
        checkpoint.vector(names.of(Part.SKIP), spec.channels()));
  }

  /** From {@code [channels, stateSize]}. */
  private static F32Vector rates(Checkpoint checkpoint, String name, Mamba1 spec) {
    int channels = spec.channels();
    int states = spec.stateSize();
    float[] stored = checkpoint.values(name, List.of((long) channels, (long) states));
    float[] rates = new float[stored.length];
    for (int i = 0; i < stored.length; i++) {
      rates[i % states * channels + i / states] = LinearLoading.decayRate(checkpoint, stored[i]);
    }
    return F32Vector.of(rates);
  }

  @Override
  public long matrixBytes() {
    return projections.matrixBytes() + selection.matrix().byteSize() + selection.steps().byteSize();
  }

  @Override
  public void close() {
    projections.close();
    selection.matrix().close();
    selection.steps().close();
  }
}
