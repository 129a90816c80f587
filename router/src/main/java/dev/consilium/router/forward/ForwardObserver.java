package dev.consilium.router.forward;

import dev.consilium.router.gating.ExpertChoices;
import dev.consilium.tensor.F32Matrix;

/**
 * Looks into a forward pass, layer by layer. Called on the engine's thread; what it is shown is
 * valid during the call only.
 */
public interface ForwardObserver {
  /** Looks at nothing. */
  ForwardObserver NONE = new ForwardObserver() {};

  /**
   * A layer's gate has chosen.
   *
   * @param logits {@code [>= choices.tokens(), expertCount]}, before softmax
   */
  default void onGate(int layer, F32Matrix logits, ExpertChoices choices) {}

  /**
   * A layer is done.
   *
   * @param hidden {@code [>= tokens, hiddenSize]}: the residual stream after both additions
   */
  default void onLayer(int layer, F32Matrix hidden, int tokens) {}
}
