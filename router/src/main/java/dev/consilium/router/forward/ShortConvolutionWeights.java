package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.family.RecurrentNames;
import dev.consilium.model.family.RecurrentNames.Part;
import dev.consilium.model.family.ShortConvolution;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.PackedMatrix;
import java.util.Optional;
import java.util.function.IntUnaryOperator;

/**
 * Weights of one layer of short convolution.
 *
 * @param input {@code [3 * channels, hiddenSize]}: the gate before, the gate behind, what is gated
 * @param inputBias {@code [3 * channels]}
 * @param output {@code [hiddenSize, channels]}
 * @param outputBias {@code [hiddenSize]}
 */
record ShortConvolutionWeights(
    ShortConvolution spec,
    PackedMatrix input,
    Optional<F32Vector> inputBias,
    CausalConvolution convolution,
    PackedMatrix output,
    Optional<F32Vector> outputBias)
    implements AttentionWeights {

  static ShortConvolutionWeights load(Checkpoint checkpoint, int layer, ShortConvolution spec) {
    RecurrentNames names = checkpoint.spec().names().attention(layer).recurrent();
    int hidden = checkpoint.spec().hiddenSize();
    return new ShortConvolutionWeights(
        spec,
        checkpoint.matrix(names.of(Part.INPUT), spec.projectionWidth(), hidden),
        Biases.loadIf(spec.biases(), checkpoint, names.of(Part.INPUT), spec.projectionWidth()),
        CausalConvolution.load(
            checkpoint,
            names.of(Part.CONVOLUTION),
            spec,
            spec.biases(),
            IntUnaryOperator.identity()),
        checkpoint.matrix(names.of(Part.OUTPUT), hidden, spec.valueWidth()),
        Biases.loadIf(spec.biases(), checkpoint, names.of(Part.OUTPUT), hidden));
  }

  @Override
  public long matrixBytes() {
    return input.byteSize() + output.byteSize();
  }

  @Override
  public void close() {
    input.close();
    output.close();
  }
}
