package dev.consilium.model.gguf;

import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.ModelSpec;
import java.util.OptionalInt;

/**
 * Heads that share keys and values.
 *
 * @param mixed whether some layers have none, and key-value heads are listed by layer
 */
record GgufAttention(boolean mixed) implements GgufAxis {

  @Override
  public void read(GgufReading from) {
    from.whole(GgufKey.HEADS, "num_attention_heads");
    if (!mixed) {
      from.whole(GgufKey.KV_HEADS, "num_key_value_heads");
    }
    from.origin(GgufKey.KEY_LENGTH, "head_dim");
    OptionalInt headDim = headDim(from);
    if (headDim.isPresent()) {
      from.config().put("head_dim", headDim.getAsInt());
      from.require(GgufKey.VALUE_LENGTH, headDim.getAsInt(), ", the values of a head");
    }
  }

  /** Values of a head; empty if nothing says. */
  static OptionalInt headDim(GgufReading from) {
    OptionalInt stated = from.whole(GgufKey.KEY_LENGTH);
    int hidden = from.whole(GgufKey.HIDDEN).orElse(0);
    int heads = from.whole(GgufKey.HEADS).orElse(0);
    return stated.isPresent() || heads == 0 || hidden == 0 || hidden % heads != 0
        ? stated
        : OptionalInt.of(hidden / heads);
  }

  @Override
  public void write(ModelSpec spec, GgufWriting to) {
    GgufWriting.attention(spec, GroupedQueryAttention.class)
        .ifPresent(attention -> {
          to.whole(GgufKey.HEADS, attention.heads());
          if (mixed) {
            to.wholes(
                GgufKey.KV_HEADS,
                spec.layers().stream()
                    .map(layer ->
                        layer.attention() instanceof GroupedQueryAttention one ? one.kvHeads() : 0)
                    .toList());
          } else {
            to.whole(GgufKey.KV_HEADS, attention.kvHeads());
          }
          to.whole(GgufKey.KEY_LENGTH, attention.headDim());
          to.whole(GgufKey.VALUE_LENGTH, attention.headDim());
        });
  }
}
