package dev.consilium.router.forward;

import dev.consilium.model.family.GateNames;
import dev.consilium.model.family.GateSpec;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.PackedMatrix;
import java.util.Optional;

/**
 * Weights of one layer's gate.
 *
 * @param matrix {@code [choices, hiddenSize]}
 * @param bias of the logits, {@code [choices]}
 * @param correctionBias of the choice, {@code [choices]}
 */
record GateWeights(
    PackedMatrix matrix, Optional<F32Vector> bias, Optional<F32Vector> correctionBias) {

  static GateWeights load(WeightLoader loader, GateNames names, GateSpec spec) {
    int experts = spec.choices();
    return new GateWeights(
        loader.matrix(names.weight(), experts, loader.spec().hiddenSize()),
        spec.bias() ? Optional.of(loader.vector(names.bias(), experts)) : Optional.empty(),
        spec.selection().correctionBias()
            ? Optional.of(loader.vector(names.correctionBias(), experts))
            : Optional.empty());
  }
}
