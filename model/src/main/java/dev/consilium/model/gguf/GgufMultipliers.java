package dev.consilium.model.gguf;

import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.ModelSpec;
import java.util.OptionalDouble;

/** Granite's constants. */
record GgufMultipliers() implements GgufAxis {

  @Override
  public void read(GgufReading from) {
    from.real(GgufKey.ATTENTION_SCALE, "attention_multiplier");
    OptionalDouble scale = from.real(GgufKey.ATTENTION_SCALE);
    if (scale.orElse(0) == 0) {
      GgufAttention.headDim(from)
          .ifPresent(
              values -> from.config().put("attention_multiplier", (float) (1 / Math.sqrt(values))));
    }
    optional(from, GgufKey.EMBEDDING_SCALE, "embedding_multiplier");
    optional(from, GgufKey.RESIDUAL_SCALE, "residual_multiplier");
    optional(from, GgufKey.LOGIT_SCALE, "logits_scaling");
  }

  /** Zero stands for none. */
  private static void optional(GgufReading from, GgufKey key, String field) {
    from.origin(key, field);
    OptionalDouble value = from.real(key);
    if (value.orElse(0) != 0) {
      from.real(key, field);
    }
  }

  @Override
  public void write(ModelSpec spec, GgufWriting to) {
    GgufWriting.attention(spec, GroupedQueryAttention.class)
        .ifPresent(attention -> to.real(GgufKey.ATTENTION_SCALE, attention.scale()));
    to.real(GgufKey.EMBEDDING_SCALE, spec.multipliers().embedding());
    to.real(GgufKey.RESIDUAL_SCALE, spec.multipliers().residual());
    to.real(GgufKey.LOGIT_SCALE, reciprocal(spec.multipliers().logits()));
  }

  /** A number whose reciprocal is this one again, if there is one. */
  private static float reciprocal(float value) {
    float near = 1 / value;
    for (float candidate : new float[] {near, Math.nextUp(near), Math.nextDown(near)}) {
      if (1 / candidate == value) {
        return candidate;
      }
    }
    return near;
  }
}
