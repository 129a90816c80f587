package dev.consilium.model.family;

import java.util.Optional;

/**
 * Several blocks of which the gate chooses some per token, and perhaps one that sees every token.
 *
 * @param gate how experts are chosen and weighed
 * @param expertIntermediateSize width inside a routed expert
 * @param body what a routed expert is
 * @param shared the experts that see every token
 * @param narrow what routed experts see instead of the token, if they do
 */
public record MixtureOfExperts(
    GateSpec gate,
    int expertIntermediateSize,
    BlockBody body,
    SharedExperts shared,
    Optional<NarrowTokens> narrow)
    implements FeedForwardSpec {

  /** With routed experts that see the token itself. */
  public MixtureOfExperts(
      GateSpec gate, int expertIntermediateSize, BlockBody body, SharedExperts shared) {
    this(gate, expertIntermediateSize, body, shared, Optional.empty());
  }

  /** With routed experts of SwiGLU without biases. */
  public MixtureOfExperts(GateSpec gate, int expertIntermediateSize, SharedExperts shared) {
    this(gate, expertIntermediateSize, BlockBody.SWIGLU, shared);
  }

  /** What a routed expert takes and gives of a token: its width. */
  public int expertWidth(int hiddenSize) {
    return narrow.map(NarrowTokens::width).orElse(hiddenSize);
  }
}
