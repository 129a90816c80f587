package dev.consilium.model.family;

/**
 * How the scores of chosen experts become weights, and what those multiply.
 *
 * @param renormalisation what is done to the scores first
 * @param scalingFactor what they are multiplied by then
 * @param ofInput whether a weight multiplies the expert's input, not its output
 */
public record GateWeighting(
    GateRenormalisation renormalisation, float scalingFactor, boolean ofInput) {

  /** Weights of the outputs. */
  public GateWeighting(GateRenormalisation renormalisation, float scalingFactor) {
    this(renormalisation, scalingFactor, false);
  }
}
