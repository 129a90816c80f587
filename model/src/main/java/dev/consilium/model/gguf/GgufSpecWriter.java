package dev.consilium.model.gguf;

import dev.consilium.model.family.DenseFeedForward;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.LinearScaling;
import dev.consilium.model.family.LlamaScaling;
import dev.consilium.model.family.LongRopeScaling;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.NoScaling;
import dev.consilium.model.family.NoSharedExperts;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.model.family.RotarySpec;
import dev.consilium.model.family.SharedExpert;
import dev.consilium.model.family.YarnScaling;
import java.util.Optional;

/**
 * Writes the metadata that stand for a specification, as far as GGUF has keys for it. What it has
 * none for is lost: whoever writes a file compares what {@link GgufSpec} makes of it with what was
 * meant.
 */
public final class GgufSpecWriter {

  private final GgufArchitecture architecture;
  private final ModelSpec spec;
  private final GgufMetadataBuilder metadata;

  private GgufSpecWriter(
      GgufArchitecture architecture, ModelSpec spec, GgufMetadataBuilder metadata) {
    this.architecture = architecture;
    this.spec = spec;
    this.metadata = metadata;
  }

  /**
   * Writes {@code general.architecture} and the keys of that architecture.
   *
   * @throws IllegalArgumentException if no architecture of GGUF is this family
   */
  public static void write(ModelSpec spec, GgufMetadataBuilder metadata) {
    GgufArchitecture architecture =
        GgufArchitectures.of(spec)
            .orElseThrow(() ->
                new IllegalArgumentException(
                    "family %s has no architecture in GGUF; known are %s"
                        .formatted(spec.family(), GgufArchitectures.known())));
    new GgufSpecWriter(architecture, spec, metadata).write();
  }

  /** Whether files hold this family's query and key rows as neighbouring pairs. */
  public static boolean interleaves(ModelSpec spec) {
    return GgufArchitectures.of(spec)
        .filter(one -> one.rotaryPairs() == GgufArchitecture.RotaryPairs.NEIGHBOURS)
        .isPresent();
  }

  private void write() {
    metadata.text("general.architecture", architecture.name());
    whole(GgufKey.LAYERS, spec.layers().size());
    whole(GgufKey.CONTEXT, spec.contextLength());
    whole(GgufKey.HIDDEN, spec.hiddenSize());
    whole(GgufKey.VOCABULARY, spec.vocabularySize());
    real(GgufKey.NORM_EPSILON, spec.normEpsilon());
    feedForward();
    switch (spec.layers().getFirst().attention()) {
      case GroupedQueryAttention attention -> attention(attention);
      case RecurrentAttention recurrent ->
          throw new IllegalArgumentException(
              "family %s has recurrent layers, for which no GGUF is written: %s"
                  .formatted(spec.family(), recurrent));
      case LatentAttention _ ->
          throw new IllegalArgumentException(
              "no architecture that we write has latent attention: " + architecture.name());
    }
  }

  private void feedForward() {
    Optional<MixtureOfExperts> experts = first(MixtureOfExperts.class);
    int dense =
        first(DenseFeedForward.class)
            .map(DenseFeedForward::intermediateSize)
            .orElseGet(() -> experts.map(MixtureOfExperts::expertIntermediateSize).orElse(0));
    whole(GgufKey.FEED_FORWARD, dense);
    experts.ifPresent(this::experts);
  }

  private void experts(MixtureOfExperts experts) {
    whole(GgufKey.EXPERTS, experts.gate().expertCount());
    whole(GgufKey.EXPERTS_USED, experts.gate().topK());
    if (architecture.expertSize() == GgufArchitecture.ExpertSize.EXPERT_FEED_FORWARD) {
      whole(GgufKey.EXPERT_FEED_FORWARD, experts.expertIntermediateSize());
    }
    switch (experts.shared()) {
      case NoSharedExperts() -> {}
      case SharedExpert shared -> whole(GgufKey.SHARED_FEED_FORWARD, shared.intermediateSize());
    }
  }

  private <T> Optional<T> first(Class<T> kind) {
    return spec.layers().stream()
        .map(layer -> layer.feedForward())
        .filter(kind::isInstance)
        .map(kind::cast)
        .findFirst();
  }

  private void attention(GroupedQueryAttention attention) {
    whole(GgufKey.HEADS, attention.heads());
    whole(GgufKey.KV_HEADS, attention.kvHeads());
    whole(GgufKey.KEY_LENGTH, attention.headDim());
    whole(GgufKey.VALUE_LENGTH, attention.headDim());
    attention.slidingWindow().ifPresent(window -> whole(GgufKey.SLIDING_WINDOW, window));
    attention.rotary().ifPresent(this::rotary);
  }

  private void rotary(RotarySpec rotary) {
    whole(GgufKey.ROTARY_DIMENSIONS, rotary.rotaryDim());
    real(GgufKey.ROTARY_BASE, rotary.theta());
    switch (rotary.scaling()) {
      case NoScaling() -> {}
      case LinearScaling linear -> {
        metadata.text(architecture.key(GgufKey.SCALING_TYPE.suffix()), "linear");
        real(GgufKey.SCALING_FACTOR, linear.factor());
      }
      case YarnScaling yarn -> yarn(yarn);
      case LlamaScaling _, LongRopeScaling _ -> {
        // GGUF has no keys for these; whoever compares sees that they are lost.
      }
    }
  }

  private void yarn(YarnScaling yarn) {
    metadata.text(architecture.key(GgufKey.SCALING_TYPE.suffix()), "yarn");
    real(GgufKey.SCALING_FACTOR, yarn.factor());
    whole(GgufKey.SCALING_CONTEXT, yarn.originalContextLength());
    real(GgufKey.SCALING_BETA_FAST, yarn.betaFast());
    real(GgufKey.SCALING_BETA_SLOW, yarn.betaSlow());
    double byItself = GgufSpec.yarnAttention(yarn.factor());
    if (yarn.attentionFactor() != byItself) {
      real(GgufKey.SCALING_ATTENTION, yarn.attentionFactor() / byItself);
    }
  }

  private void whole(GgufKey key, int value) {
    metadata.whole(architecture.key(key.suffix()), value);
  }

  private void real(GgufKey key, double value) {
    metadata.real(architecture.key(key.suffix()), value);
  }
}
