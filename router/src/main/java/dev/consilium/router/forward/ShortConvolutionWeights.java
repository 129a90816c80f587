package dev.consilium.router.forward;

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

  static ShortConvolutionWeights load(WeightLoader loader, int layer, ShortConvolution spec) {
    RecurrentNames names = loader.spec().names().attention(layer).recurrent();
    return new ShortConvolutionWeights(
        spec,
        RecurrentProjections.load(loader, names, spec, spec.biases()),
        CausalConvolution.load(
            loader, names.of(Part.CONVOLUTION), spec, spec.biases(), IntUnaryOperator.identity()));
  }

  @Override
  public long matrixBytes() {
    return projections.matrixBytes();
  }
}
