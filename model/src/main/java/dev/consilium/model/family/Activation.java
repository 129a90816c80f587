package dev.consilium.model.family;

/** What a feed-forward block makes of its inner vectors, element by element. */
public sealed interface Activation {

  /** Whether it takes two vectors, of the gate and the up matrix; else that of up alone. */
  boolean gated();

  /** {@code silu(gate) * up}, with {@code silu(x) = x / (1 + e^-x)}. */
  record SwiGlu() implements Activation {
    @Override
    public boolean gated() {
      return true;
    }
  }

  /**
   * {@code g / (1 + e^(-alpha g)) * (u + 1)}, with {@code g = min(gate, limit)} and {@code u} the
   * up value brought within {@code -limit .. limit}.
   *
   * @param limit above 0
   */
  record ClampedSwiGlu(float alpha, float limit) implements Activation {
    @Override
    public boolean gated() {
      return true;
    }
  }

  /**
   * {@code max(up, 0)^2}, without a gate.
   *
   * @see <a href="https://arxiv.org/abs/2109.08668">Primer, section 4</a>
   */
  record SquaredRelu() implements Activation {
    @Override
    public boolean gated() {
      return false;
    }
  }
}
