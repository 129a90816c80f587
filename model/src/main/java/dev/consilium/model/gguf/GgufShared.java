package dev.consilium.model.gguf;

import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.SharedExpert;
import java.util.Optional;
import java.util.OptionalInt;

/** How files say which experts see every token. */
sealed interface GgufShared extends GgufAxis {

  /** There are none. */
  record None() implements GgufShared {
    @Override
    public void read(GgufReading from) {
      from.require(
          GgufKey.SHARED_FEED_FORWARD,
          0,
          ": " + from.architecture().name() + " has no shared expert");
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {}
  }

  /**
   * By the width of one.
   *
   * @param field with that
   * @param always whether there is one; then {@code feed_forward_length} may say how wide it is
   */
  record Sized(String field, boolean always) implements GgufShared {
    @Override
    public void read(GgufReading from) {
      OptionalInt stated = from.whole(GgufKey.SHARED_FEED_FORWARD);
      from.origin(GgufKey.SHARED_FEED_FORWARD, field);
      OptionalInt width =
          always && stated.orElse(0) == 0 ? from.whole(GgufKey.FEED_FORWARD) : stated;
      width.ifPresent(value -> from.put(GgufKey.SHARED_FEED_FORWARD, field, value));
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      shared(spec)
          .ifPresent(shared -> to.whole(GgufKey.SHARED_FEED_FORWARD, shared.intermediateSize()));
    }
  }

  /**
   * By the width of all of them, which are one whatever their number.
   *
   * @param field with that
   */
  record Single(String field) implements GgufShared {
    @Override
    public void read(GgufReading from) {
      from.has(GgufKey.SHARED_EXPERTS);
      from.whole(GgufKey.SHARED_FEED_FORWARD, field);
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      to.whole(GgufKey.SHARED_EXPERTS, 1);
      new Sized(field, false).write(spec, to);
    }
  }

  /**
   * By their number, each as wide as a routed expert.
   *
   * @param field with that
   * @param sized whether files say the width of all of them, too
   */
  record Counted(String field, boolean sized) implements GgufShared {
    @Override
    public void read(GgufReading from) {
      from.whole(GgufKey.SHARED_EXPERTS, field);
      if (sized) {
        int count = from.whole(GgufKey.SHARED_EXPERTS).orElse(0);
        int ofExpert = from.whole(GgufKey.EXPERT_FEED_FORWARD).orElse(0);
        from.require(
            GgufKey.SHARED_FEED_FORWARD,
            count * ofExpert,
            ", the width of %d shared experts".formatted(count));
      }
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      int width = shared(spec).map(SharedExpert::intermediateSize).orElse(0);
      int ofExpert =
          GgufWriting.feedForward(spec, MixtureOfExperts.class)
              .map(MixtureOfExperts::expertIntermediateSize)
              .orElse(1);
      to.whole(GgufKey.SHARED_EXPERTS, width / ofExpert);
      if (sized && width > 0) {
        to.whole(GgufKey.SHARED_FEED_FORWARD, width);
      }
    }
  }

  /**
   * By the width of all of them, each as wide as a routed expert.
   *
   * @param field with their number
   */
  record Wide(String field) implements GgufShared {
    @Override
    public void read(GgufReading from) {
      from.origin(GgufKey.SHARED_FEED_FORWARD, field);
      int width = from.whole(GgufKey.SHARED_FEED_FORWARD).orElse(0);
      int ofExpert = from.whole(GgufKey.EXPERT_FEED_FORWARD).orElse(0);
      if (ofExpert == 0 || width % ofExpert != 0) {
        throw from.unwanted(
            GgufKey.SHARED_FEED_FORWARD,
            "a multiple of %s, which is %d"
                .formatted(from.name(GgufKey.EXPERT_FEED_FORWARD), ofExpert));
      }
      from.put(GgufKey.SHARED_FEED_FORWARD, field, width / ofExpert);
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      to.whole(
          GgufKey.SHARED_FEED_FORWARD, shared(spec).map(SharedExpert::intermediateSize).orElse(0));
    }
  }

  /** One, as wide as a routed expert. */
  record One() implements GgufShared {
    @Override
    public void read(GgufReading from) {
      from.require(GgufKey.SHARED_EXPERTS, 1, ", the shared experts of this family");
      from.require(
          GgufKey.SHARED_FEED_FORWARD,
          from.whole(GgufKey.FEED_FORWARD).orElse(0),
          ", the width of an expert");
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      shared(spec)
          .ifPresent(shared -> {
            to.whole(GgufKey.SHARED_EXPERTS, 1);
            to.whole(GgufKey.SHARED_FEED_FORWARD, shared.intermediateSize());
          });
    }
  }

  /** The shared expert of the layers that have experts. */
  private static Optional<SharedExpert> shared(ModelSpec spec) {
    return GgufWriting.feedForward(spec, MixtureOfExperts.class)
        .flatMap(experts ->
            experts.shared() instanceof SharedExpert shared
                ? Optional.of(shared)
                : Optional.empty());
  }
}
