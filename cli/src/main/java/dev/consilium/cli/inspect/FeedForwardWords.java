package dev.consilium.cli.inspect;

import dev.consilium.model.family.Activation;
import dev.consilium.model.family.BlockBody;
import dev.consilium.model.family.DenseFeedForward;
import dev.consilium.model.family.FeedForwardSpec;
import dev.consilium.model.family.GateSpec;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.NarrowTokens;
import dev.consilium.model.family.NoFeedForward;
import dev.consilium.model.family.NoSharedExperts;
import dev.consilium.model.family.SharedExpert;
import dev.consilium.model.family.SharedExperts;

/** What a layer makes of each token. */
final class FeedForwardWords {

  private FeedForwardWords() {}

  static String of(FeedForwardSpec feedForward) {
    return switch (feedForward) {
      case DenseFeedForward(int width, BlockBody body) -> "dense: " + block(body, width);
      case MixtureOfExperts experts ->
          "%d experts%s, %d for each token: %s%s%s%s"
              .formatted(
                  experts.gate().expertCount(),
                  identities(experts.gate()),
                  experts.gate().topK(),
                  block(experts.body(), experts.expertIntermediateSize()),
                  experts.narrow().map(FeedForwardWords::narrow).orElse(""),
                  shared(experts.shared(), experts.expertIntermediateSize()),
                  experts.late() ? "; experts' sum is added behind the next layer" : "");
      case NoFeedForward() -> "none";
    };
  }

  private static String block(BlockBody body, int width) {
    return "%s of width %d%s"
        .formatted(activation(body.activation()), width, withBiases(body.biases()));
  }

  private static String identities(GateSpec gate) {
    return gate.identities() == 0
        ? ""
        : " and %d that give the token back as it is".formatted(gate.identities());
  }

  private static String narrow(NarrowTokens narrow) {
    return ", which see %d values that a projection%s makes of a token"
        .formatted(narrow.width(), withBiases(narrow.biases()));
  }

  private static String withBiases(boolean biases) {
    return biases ? " with biases" : "";
  }

  private static String activation(Activation activation) {
    return switch (activation) {
      case Activation.SwiGlu() -> "SwiGLU";
      case Activation.ClampedSwiGlu(float alpha, float limit) ->
          "SwiGLU (alpha %s, clamped at %s)".formatted(Numbers.plain(alpha), Numbers.plain(limit));
      case Activation.SquaredRelu() -> "squared ReLU without a gate";
    };
  }

  /** Several shared experts are one block as wide as all of them. */
  private static String shared(SharedExperts shared, int width) {
    return switch (shared) {
      case NoSharedExperts() -> "";
      case SharedExpert(int size, boolean gated, BlockBody body) ->
          "; shared by all tokens: width %d%s%s%s"
              .formatted(
                  size,
                  size > width && size % width == 0
                      ? ", as %d of these".formatted(size / width)
                      : "",
                  withBiases(body.biases()),
                  gated ? ", weighed by a sigmoid" : "");
    };
  }
}
