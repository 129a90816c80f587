package dev.consilium.cli.inspect;

import dev.consilium.model.family.DenseFeedForward;
import dev.consilium.model.family.FeedForwardSpec;
import dev.consilium.model.family.GatedActivation;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.NoSharedExperts;
import dev.consilium.model.family.SharedExpert;
import dev.consilium.model.family.SharedExperts;

/** What a layer makes of each token. */
final class FeedForwardWords {

  private FeedForwardWords() {}

  static String of(FeedForwardSpec feedForward) {
    return switch (feedForward) {
      case DenseFeedForward(int width, boolean biases) ->
          "dense: SwiGLU of width " + width + withBiases(biases);
      case MixtureOfExperts experts ->
          "%d experts, %d for each token: %s of width %d%s%s"
              .formatted(
                  experts.gate().expertCount(),
                  experts.gate().topK(),
                  activation(experts.body().activation()),
                  experts.expertIntermediateSize(),
                  withBiases(experts.body().biases()),
                  shared(experts.shared(), experts.expertIntermediateSize()));
    };
  }

  private static String withBiases(boolean biases) {
    return biases ? " with biases" : "";
  }

  private static String activation(GatedActivation activation) {
    return switch (activation) {
      case GatedActivation.SwiGlu() -> "SwiGLU";
      case GatedActivation.ClampedSwiGlu(float alpha, float limit) ->
          "SwiGLU (alpha %s, clamped at %s)".formatted(Numbers.plain(alpha), Numbers.plain(limit));
    };
  }

  /** Several shared experts are one block as wide as all of them. */
  private static String shared(SharedExperts shared, int width) {
    return switch (shared) {
      case NoSharedExperts() -> "";
      case SharedExpert(int size, boolean gated, boolean biases) ->
          "; shared by all tokens: width %d%s%s%s"
              .formatted(
                  size,
                  size > width && size % width == 0
                      ? ", as %d of these".formatted(size / width)
                      : "",
                  withBiases(biases),
                  gated ? ", weighed by a sigmoid" : "");
    };
  }
}
