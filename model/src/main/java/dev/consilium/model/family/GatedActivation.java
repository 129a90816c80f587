package dev.consilium.model.family;

/** What a gated block makes of its two inner vectors, element by element. */
public sealed interface GatedActivation {

  /** {@code silu(gate) * up}, with {@code silu(x) = x / (1 + e^-x)}. */
  record SwiGlu() implements GatedActivation {}

  /**
   * {@code g / (1 + e^(-alpha g)) * (u + 1)}, with {@code g = min(gate, limit)} and {@code u} the
   * up value brought within {@code -limit .. limit}.
   *
   * @param limit above 0
   */
  record ClampedSwiGlu(float alpha, float limit) implements GatedActivation {}
}
