package dev.consilium.model.family;

/** What makes scores of a gate's logits. */
public enum GateScore {
  /** Softmax over all experts, then the choice. */
  SOFTMAX_ALL,
  /** The choice, then softmax over the chosen. */
  SOFTMAX_CHOSEN
}
