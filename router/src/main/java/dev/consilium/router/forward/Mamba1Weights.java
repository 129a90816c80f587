package dev.consilium.router.forward;

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
    static Selection load(WeightLoader loader, RecurrentNames names, Mamba1 spec) {
      return new Selection(
          loader.matrix(names.of(Part.SELECTION), spec.selectionWidth(), spec.channels()),
          loader.vector(names.of(Part.TIME_STEP_NORM), spec.rank()),
          loader.vector(names.of(Part.KEY_NORM), spec.stateSize()),
          loader.vector(names.of(Part.QUERY_NORM), spec.stateSize()),
          loader.matrix(names.of(Part.TIME_STEP), spec.channels(), spec.rank()),
          Biases.load(loader, names.of(Part.TIME_STEP), spec.channels()));
    }
  }

  static Mamba1Weights load(WeightLoader loader, int layer, Mamba1 spec) {
    RecurrentNames names = loader.spec().names().attention(layer).recurrent();
    return new Mamba1Weights(
        spec,
        RecurrentProjections.load(loader, names, spec, spec.projectionBiases()),
        CausalConvolution.load(
            loader,
            names.of(Part.CONVOLUTION),
            spec,
            spec.convolutionBias(),
            IntUnaryOperator.identity()),
        Selection.load(loader, names, spec),
        rates(loader, names.of(Part.DECAY), spec),
        loader.vector(names.of(Part.SKIP), spec.channels()));
  }

  /** From {@code [channels, stateSize]}. */
  private static F32Vector rates(WeightLoader loader, String name, Mamba1 spec) {
    int channels = spec.channels();
    int states = spec.stateSize();
    float[] stored = loader.values(name, List.of((long) channels, (long) states));
    float[] rates = new float[stored.length];
    for (int i = 0; i < stored.length; i++) {
      rates[i % states * channels + i / states] = LinearLoading.decayRate(loader, stored[i]);
    }
    return F32Vector.of(rates);
  }

  @Override
  public long matrixBytes() {
    return projections.matrixBytes() + selection.matrix().byteSize() + selection.steps().byteSize();
  }
}
