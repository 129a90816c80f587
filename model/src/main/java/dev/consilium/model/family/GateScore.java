package dev.consilium.model.family;

/** What makes scores of a gate's logits. */
public sealed interface GateScore {

  /** Softmax over all experts, then the choice. */
  record SoftmaxOfAll() implements GateScore {}

  /** The choice, then softmax over the chosen. */
  record SoftmaxOfChosen() implements GateScore {}

  /** The logistic function of each logit by itself, {@code 1 / (1 + e^-x)}. */
  record Sigmoid() implements GateScore {}

  /**
   * SparseMixer as it runs without training: the largest logit is chosen, its score a softmax over
   * the logits near it; then the same again without it, until there are enough. With {@code m} the
   * largest logit left, logit x is near if {@code (m - x) / max(|x|, m) <= tolerance}.
   *
   * @see <a href="https://arxiv.org/abs/2310.00811">Sparse Backpropagation for MoE Training</a>
   */
  record SparseMixer(float tolerance) implements GateScore {}
}
