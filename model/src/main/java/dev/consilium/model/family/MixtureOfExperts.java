package dev.consilium.model.family;

/**
 * Several gated blocks of which the gate chooses some per token, and perhaps one that sees every
 * token.
 *
 * @param gate how experts are chosen and weighed
 * @param expertIntermediateSize width inside a routed expert
 * @param body what a routed expert is
 * @param shared the experts that see every token
 */
public record MixtureOfExperts(
    GateSpec gate, int expertIntermediateSize, ExpertBody body, SharedExperts shared)
    implements FeedForwardSpec {

  /** With routed experts of SwiGLU without biases. */
  public MixtureOfExperts(GateSpec gate, int expertIntermediateSize, SharedExperts shared) {
    this(gate, expertIntermediateSize, ExpertBody.SWIGLU, shared);
  }
}
