package dev.consilium.router.forward;

import dev.consilium.model.family.NormSpec;
import dev.consilium.tensor.F32Vector;
import java.util.List;

/** Loads the weights of norms. */
final class Norms {
  private Norms() {}

  /** What a norm multiplies by, {@code [length]}. */
  static F32Vector weight(WeightLoader loader, String name, int length) {
    float[] weight = loader.values(name, List.of((long) length));
    if (loader.spec().norm().kind() == NormSpec.Kind.RMS_AROUND_ONE) {
      for (int i = 0; i < length; i++) {
        weight[i] += 1;
      }
    }
    return F32Vector.of(weight);
  }
}
