package dev.consilium.model.gguf;

import dev.consilium.model.family.DenseFeedForward;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.NoFeedForward;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How many experts there are, and how wide they and blocks without experts are.
 *
 * @param count the field with the routed experts of a layer
 * @param used the field with those of a token
 * @param size the field with the width inside one
 * @param denseSize the field with the width of a block without experts
 * @param own whether the width of experts has a key of its own; without it, {@code
 *     feed_forward_length} is of the chosen experts together, else of one
 */
record GgufExperts(String count, String used, String size, String denseSize, boolean own)
    implements GgufAxis {

  @Override
  public void read(GgufReading from) {
    from.whole(GgufKey.EXPERTS, count);
    from.whole(GgufKey.EXPERTS_USED, used);
    OptionalInt width = from.whole(GgufKey.FEED_FORWARD);
    OptionalInt ofExpert = from.whole(GgufKey.EXPERT_FEED_FORWARD);
    if (!own) {
      from.whole(GgufKey.FEED_FORWARD, size);
      if (ofExpert.isPresent() && !ofExpert.equals(width)) {
        throw from.unwanted(
            GgufKey.EXPERT_FEED_FORWARD, "the same as " + from.name(GgufKey.FEED_FORWARD));
      }
      return;
    }
    if (!size.equals(denseSize)) {
      from.whole(GgufKey.FEED_FORWARD, denseSize);
    }
    from.origin(GgufKey.EXPERT_FEED_FORWARD, size);
    int chosen = from.whole(GgufKey.EXPERTS_USED).orElse(0);
    if (ofExpert.orElse(0) > 0) {
      from.put(GgufKey.EXPERT_FEED_FORWARD, size, ofExpert.getAsInt());
    } else if (width.isPresent() && chosen > 0) {
      from.put(GgufKey.FEED_FORWARD, size, width.getAsInt() / chosen);
    }
  }

  @Override
  public void write(ModelSpec spec, GgufWriting to) {
    Optional<MixtureOfExperts> experts = GgufWriting.feedForward(spec, MixtureOfExperts.class);
    Optional<DenseFeedForward> dense = GgufWriting.feedForward(spec, DenseFeedForward.class);
    int ofExpert = experts.map(MixtureOfExperts::expertIntermediateSize).orElse(0);
    to.whole(GgufKey.FEED_FORWARD, dense.map(DenseFeedForward::intermediateSize).orElse(ofExpert));
    experts.ifPresent(layer -> {
      to.whole(GgufKey.EXPERTS, layer.gate().expertCount());
      to.whole(GgufKey.EXPERTS_USED, layer.gate().topK());
      if (own) {
        to.whole(GgufKey.EXPERT_FEED_FORWARD, ofExpert);
      }
    });
  }

  /**
   * Experts where layers have them or no feed-forward block at all: {@code feed_forward_length} is
   * listed by layer, 0 where there is none.
   */
  record OfSomeLayers(String count, String used, String size) implements GgufAxis {
    @Override
    public void read(GgufReading from) {
      from.whole(GgufKey.EXPERTS, count);
      from.whole(GgufKey.EXPERTS_USED, used);
      from.whole(GgufKey.EXPERT_FEED_FORWARD, size);
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      to.wholes(GgufKey.FEED_FORWARD, spec.layers().stream().map(OfSomeLayers::width).toList());
      GgufWriting.feedForward(spec, MixtureOfExperts.class)
          .ifPresent(experts -> {
            to.whole(GgufKey.EXPERTS, experts.gate().expertCount());
            to.whole(GgufKey.EXPERTS_USED, experts.gate().topK());
            to.whole(GgufKey.EXPERT_FEED_FORWARD, experts.expertIntermediateSize());
          });
    }

    private static int width(LayerSpec layer) {
      return switch (layer.feedForward()) {
        case MixtureOfExperts experts -> experts.expertIntermediateSize();
        case DenseFeedForward dense -> dense.intermediateSize();
        case NoFeedForward() -> 0;
      };
    }
  }
}
