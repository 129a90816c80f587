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
 * @param late whether the sum of the routed experts, and identities, is added behind the next
 *     layer's feed-forward block: they compute while that layer attends
 * @see <a href="https://arxiv.org/abs/2404.05019">Shortcut-connected expert parallelism</a>
 */
public record MixtureOfExperts(
    GateSpec gate,
    int expertIntermediateSize,
    BlockBody body,
    SharedExperts shared,
    Optional<NarrowTokens> narrow,
    boolean late)
    implements FeedForwardSpec {

  public MixtureOfExperts {
    if (narrow.isPresent() && (late || gate.identities() > 0)) {
      throw new IllegalArgumentException("experts on narrow tokens, late or beside identities");
    }
  }

  /** With routed experts that see the token itself. */
  public MixtureOfExperts(
      GateSpec gate, int expertIntermediateSize, BlockBody body, SharedExperts shared) {
    this(gate, expertIntermediateSize, body, shared, Optional.empty(), false);
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
