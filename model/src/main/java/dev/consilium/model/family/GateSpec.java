package dev.consilium.model.family;

/**
 * How a token's experts are chosen and weighed. The gate's matrix has shape {@code [expertCount,
 * hiddenSize]}.
 *
 * @param expertCount routed experts of the layer
 * @param topK experts per token, {@code 1 <= topK <= expertCount}
 * @param score what makes scores of the gate's logits
 * @param renormalisation what is done to the chosen scores
 * @param scalingFactor what the weights are multiplied by at the end
 */
public record GateSpec(
    int expertCount,
    int topK,
    GateScore score,
    GateRenormalisation renormalisation,
    float scalingFactor) {

  public GateSpec {
    if (topK < 1 || topK > expertCount) {
      throw new IllegalArgumentException(
          "cannot choose " + topK + " of " + expertCount + " experts");
    }
  }
}
