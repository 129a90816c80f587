package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.family.RecurrentNames;
import dev.consilium.model.family.RecurrentNames.Part;
import dev.consilium.model.family.ShortConvolution;
import java.util.function.IntUnaryOperator;

/**
 * Weights of one layer of short convolution.
 *
 * @param projections of a token to the gate before, the gate behind, and what is gated
 * @param convolution over what passed the gate before
 */
record ShortConvolutionWeights(
    ShortConvolution spec, RecurrentProjections projections, CausalConvolution convolution)
    implements AttentionWeights {

  static ShortConvolutionWeights load(Checkpoint checkpoint, int layer, ShortConvolution spec) {
    RecurrentNames names = checkpoint.spec().names().attention(layer).recurrent();
    return new ShortConvolutionWeights(
        spec,
        RecurrentProjections.load(checkpoint, names, spec, spec.biases()),
        CausalConvolution.load(
            checkpoint,
            names.of(Part.CONVOLUTION),
            spec,
            spec.biases(),
            IntUnaryOperator.identity()));
  }

  @Override
  public long matrixBytes() {
    return projections.matrixBytes();
  }

  @Override
  public void close() {
    projections.close();
  }
}
