package dev.consilium.router.forward;

import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.WeightNames;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.Kernels;
import java.util.Optional;

/**
 * A norm over the hidden size.
 *
 * @param weight {@code [hiddenSize]}
 * @param bias {@code [hiddenSize]}
 * @param centres whether it is a layer norm, else it is an RMS norm
 */
record Norm(F32Vector weight, Optional<F32Vector> bias, boolean centres, float epsilon) {

  static Norm load(WeightLoader loader, String name) {
    ModelSpec spec = loader.spec();
    return new Norm(
        Norms.weight(loader, name, spec.hiddenSize()),
        spec.norm().kind().biased()
            ? Optional.of(loader.vector(WeightNames.bias(name), spec.hiddenSize()))
            : Optional.empty(),
        spec.norm().kind().centres(),
        spec.norm().epsilon());
  }

  /** Normalises a row of {@code x} into the same row of {@code y}. */
  void apply(Kernels kernels, F32Matrix x, F32Matrix y, int row) {
    int size = weight.length();
    long at = y.offset(row);
    if (!centres) {
      kernels.rmsNorm(x.segment(), x.offset(row), size, weight, 0, epsilon, y.segment(), at);
      return;
    }
    kernels.centre(x.segment(), x.offset(row), size, y.segment(), at);
    kernels.rmsNorm(y.segment(), at, size, weight, 0, epsilon, y.segment(), at);
    bias.ifPresent(values -> kernels.add(values.segment(), 0, size, y.segment(), at));
  }
}
