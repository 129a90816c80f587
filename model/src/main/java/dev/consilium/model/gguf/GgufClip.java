package dev.consilium.model.gguf;

import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.ModelSpec;
import java.util.OptionalDouble;

/**
 * The magnitude at which queries, keys and values are cut off; 0 stands for none.
 *
 * @param field with that
 */
record GgufClip(String field) implements GgufAxis {

  @Override
  public void read(GgufReading from) {
    from.origin(GgufKey.CLIP, field);
    OptionalDouble clip = from.real(GgufKey.CLIP);
    if (clip.orElse(0) != 0) {
      from.real(GgufKey.CLIP, field);
    }
  }

  @Override
  public void write(ModelSpec spec, GgufWriting to) {
    GgufWriting.attention(spec, GroupedQueryAttention.class)
        .map(GroupedQueryAttention::projections)
        .map(projections -> projections.clips() ? projections.clip() : 0)
        .ifPresent(clip -> to.real(GgufKey.CLIP, clip));
  }
}
