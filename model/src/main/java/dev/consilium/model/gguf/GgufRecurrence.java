package dev.consilium.model.gguf;

import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LinearAttention;
import dev.consilium.model.family.Mamba2;
import dev.consilium.model.family.ModelSpec;
import java.util.List;
import java.util.OptionalInt;

/** How files say which layers are recurrent, and how large those are. */
sealed interface GgufRecurrence extends GgufAxis {

  /** Granite's state spaces: where a layer has no key-value heads. */
  record StateSpaces() implements GgufRecurrence {
    private static final int MAX_LAYERS = 4096;

    @Override
    public void read(GgufReading from) {
      int layers = Math.min(MAX_LAYERS, from.whole(GgufKey.LAYERS).orElse(0));
      List<Integer> keyValueHeads = from.perLayer(GgufKey.KV_HEADS, layers);
      ArrayNode types = from.config().putArray("layer_types");
      for (int heads : keyValueHeads) {
        types.add(heads == 0 ? "mamba" : "attention");
        if (heads > 0) {
          from.put(GgufKey.KV_HEADS, "num_key_value_heads", heads);
        }
      }
      from.whole(GgufKey.RECURRENT_HEADS, "mamba_n_heads");
      from.whole(GgufKey.RECURRENT_GROUPS, "mamba_n_groups");
      from.whole(GgufKey.RECURRENT_STATE, "mamba_d_state");
      from.whole(GgufKey.RECURRENT_TAPS, "mamba_d_conv");
      from.config().put("mamba_conv_bias", from.hasTensor("ssm_conv1d.bias"));
      ratio(from, GgufKey.HIDDEN, "mamba_expand");
      ratio(from, GgufKey.RECURRENT_HEADS, "mamba_d_head");
      boolean turned = from.flag(GgufKey.SCALING_FINETUNED).orElse(true);
      from.config().put("position_embedding_type", turned ? "rope" : "nope");
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      GgufWriting.attention(spec, Mamba2.class).ifPresent(layer -> sizes(layer, to));
      boolean turned =
          GgufWriting.attention(spec, GroupedQueryAttention.class)
              .flatMap(GroupedQueryAttention::rotary)
              .isPresent();
      to.flag(GgufKey.SCALING_FINETUNED, turned);
    }
  }

  private static void sizes(LinearAttention layer, GgufWriting to) {
    to.whole(GgufKey.RECURRENT_TAPS, layer.taps());
    to.whole(GgufKey.RECURRENT_WIDTH, layer.valueWidth());
    to.whole(GgufKey.RECURRENT_STATE, layer.keyDim());
    to.whole(GgufKey.RECURRENT_HEADS, layer.heads());
    to.whole(GgufKey.RECURRENT_GROUPS, layer.keyHeads());
  }

  /** How often a number goes into the width of all heads. */
  private static void ratio(GgufReading from, GgufKey by, String field) {
    OptionalInt width = from.whole(GgufKey.RECURRENT_WIDTH);
    int divisor = from.whole(by).orElse(0);
    if (width.isEmpty() || divisor == 0) {
      return;
    }
    if (width.getAsInt() % divisor != 0) {
      throw from.unwanted(
          GgufKey.RECURRENT_WIDTH,
          "a multiple of %s, which is %d".formatted(from.name(by), divisor));
    }
    from.put(GgufKey.RECURRENT_WIDTH, field, width.getAsInt() / divisor);
  }
}
