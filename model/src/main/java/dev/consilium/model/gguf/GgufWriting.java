package dev.consilium.model.gguf;

import dev.consilium.model.family.AttentionSpec;
import dev.consilium.model.family.FeedForwardSpec;
import dev.consilium.model.family.ModelSpec;
import java.util.List;
import java.util.Optional;

/** The keys of one architecture, to be written. One thread. */
final class GgufWriting {

  private final GgufArchitecture architecture;
  private final GgufMetadataBuilder metadata;

  GgufWriting(GgufArchitecture architecture, GgufMetadataBuilder metadata) {
    this.architecture = architecture;
    this.metadata = metadata;
  }

  void whole(GgufKey key, int value) {
    metadata.whole(name(key), value);
  }

  void real(GgufKey key, double value) {
    metadata.real(name(key), value);
  }

  void flag(GgufKey key, boolean value) {
    metadata.flag(name(key), value);
  }

  void text(GgufKey key, String value) {
    metadata.text(name(key), value);
  }

  void wholes(GgufKey key, List<Integer> values) {
    metadata.wholes(name(key), values.stream().mapToInt(Integer::intValue).toArray());
  }

  void flags(GgufKey key, List<Boolean> values) {
    metadata.flags(name(key), values);
  }

  private String name(GgufKey key) {
    return architecture.key(key.suffix());
  }

  /** What the first layer that mixes tokens in some way does. */
  static <T extends AttentionSpec> Optional<T> attention(ModelSpec spec, Class<T> kind) {
    return spec.layers().stream()
        .map(layer -> layer.attention())
        .filter(kind::isInstance)
        .map(kind::cast)
        .findFirst();
  }

  /** What the first layer with some feed-forward block has. */
  static <T extends FeedForwardSpec> Optional<T> feedForward(ModelSpec spec, Class<T> kind) {
    return spec.layers().stream()
        .map(layer -> layer.feedForward())
        .filter(kind::isInstance)
        .map(kind::cast)
        .findFirst();
  }
}
