package dev.consilium.model.gguf;

import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;

/**
 * How wide the image of a token is that routed experts see, if they see one.
 *
 * @param field with that
 */
record GgufNarrow(String field) implements GgufAxis {

  @Override
  public void read(GgufReading from) {
    from.whole(GgufKey.NARROW, field);
  }

  @Override
  public void write(ModelSpec spec, GgufWriting to) {
    GgufWriting.feedForward(spec, MixtureOfExperts.class)
        .flatMap(MixtureOfExperts::narrow)
        .ifPresent(narrow -> to.whole(GgufKey.NARROW, narrow.width()));
  }
}
