package dev.consilium.model.gguf;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.model.family.ChannelDeltaNet;
import dev.consilium.model.family.GatedDeltaNet;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.LinearAttention;
import dev.consilium.model.family.Mamba1;
import dev.consilium.model.family.Mamba2;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.model.family.ShortConvolution;
import java.util.List;
import java.util.OptionalInt;

/** How files say which layers are recurrent, and how large those are. */
sealed interface GgufRecurrence extends GgufAxis {

  /** Granite's state spaces: where a layer has no key-value heads. */
  record StateSpaces() implements GgufRecurrence {
    @Override
    public void read(GgufReading from) {
      layerTypes(from, "mamba", "attention");
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

  /**
   * Nemotron's: in layers without key-value heads and without a feed-forward block; every layer is
   * one of the three.
   */
  record SingleBlocks() implements GgufRecurrence {
    @Override
    public void read(GgufReading from) {
      from.origin(GgufKey.FEED_FORWARD, "hybrid_override_pattern");
      List<Integer> heads = keyValueHeads(from);
      List<Integer> widths = from.perLayer(GgufKey.FEED_FORWARD, from.layers());
      if (!heads.isEmpty() && !widths.isEmpty()) {
        ArrayNode kinds = from.config().putArray("layers_block_type");
        for (int i = 0; i < from.layers() - from.predictionLayers(); i++) {
          kinds.add(kind(from, i, heads.get(i) > 0, widths.get(i) > 0));
        }
      }
      from.whole(GgufKey.RECURRENT_HEADS, "mamba_num_heads");
      from.whole(GgufKey.RECURRENT_GROUPS, "n_groups");
      from.whole(GgufKey.RECURRENT_STATE, "ssm_state_size");
      from.whole(GgufKey.RECURRENT_TAPS, "conv_kernel");
      from.config().put("use_conv_bias", from.hasTensor("ssm_conv1d.bias"));
      ratio(from, GgufKey.RECURRENT_HEADS, "mamba_head_dim");
    }

    private static String kind(GgufReading from, int layer, boolean attends, boolean feeds) {
      if (attends && feeds) {
        throw from.unwanted(GgufKey.FEED_FORWARD, "0 of layer %d, which attends".formatted(layer));
      }
      return attends ? "attention" : feeds ? "moe" : "mamba";
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      GgufWriting.attention(spec, Mamba2.class).ifPresent(layer -> sizes(layer, to));
    }
  }

  /** Jamba's: where a layer has no key-value heads; one of every few has. */
  record SelectiveStateSpaces() implements GgufRecurrence {
    @Override
    public void read(GgufReading from) {
      List<Boolean> attends = keyValueHeads(from).stream().map(heads -> heads > 0).toList();
      Period period =
          Period.of(attends)
              .orElseThrow(
                  () -> from.unwanted(GgufKey.KV_HEADS, "layers of which every n-th has some"));
      from.config().put("attn_layer_offset", period.offset());
      from.config().put("attn_layer_period", period.length());
      from.whole(GgufKey.RECURRENT_STATE, "mamba_d_state");
      from.whole(GgufKey.RECURRENT_TAPS, "mamba_d_conv");
      from.whole(GgufKey.RECURRENT_HEADS, "mamba_dt_rank");
      from.config().put("mamba_conv_bias", from.hasTensor("ssm_conv1d.bias"));
      ratio(from, GgufKey.HIDDEN, "mamba_expand");
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      GgufWriting.attention(spec, Mamba1.class)
          .ifPresent(layer -> {
            to.whole(GgufKey.RECURRENT_TAPS, layer.taps());
            to.whole(GgufKey.RECURRENT_WIDTH, layer.channels());
            to.whole(GgufKey.RECURRENT_STATE, layer.stateSize());
            to.whole(GgufKey.RECURRENT_HEADS, layer.rank());
          });
    }
  }

  /** LFM2's: where a layer has no key-value heads. */
  record ShortConvolutions() implements GgufRecurrence {
    @Override
    public void read(GgufReading from) {
      layerTypes(from, "conv", "full_attention");
      from.whole(GgufKey.SHORT_TAPS, "conv_L_cache");
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      GgufWriting.attention(spec, ShortConvolution.class)
          .ifPresent(layer -> to.whole(GgufKey.SHORT_TAPS, layer.taps()));
    }
  }

  /** Qwen's delta nets: in all but every n-th layer. */
  record DeltaNets() implements GgufRecurrence {
    @Override
    public void read(GgufReading from) {
      from.put(
          GgufKey.FULL_ATTENTION_INTERVAL,
          "full_attention_interval",
          from.whole(GgufKey.FULL_ATTENTION_INTERVAL).orElse(4));
      from.whole(GgufKey.RECURRENT_HEADS, "linear_num_value_heads");
      from.whole(GgufKey.RECURRENT_GROUPS, "linear_num_key_heads");
      from.whole(GgufKey.RECURRENT_STATE, "linear_key_head_dim");
      from.whole(GgufKey.RECURRENT_TAPS, "linear_conv_kernel_dim");
      ratio(from, GgufKey.RECURRENT_HEADS, "linear_value_head_dim");
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      GgufWriting.attention(spec, GatedDeltaNet.class).ifPresent(layer -> sizes(layer, to));
      interval(spec, to);
    }
  }

  /** Kimi's delta attention: where a layer has no key-value heads. */
  record DeltasByValue() implements GgufRecurrence {
    @Override
    public void read(GgufReading from) {
      from.origin(GgufKey.KV_HEADS, "kda_layers");
      ObjectNode linear = from.config().putObject("linear_attn_config");
      ArrayNode recurrent = linear.putArray("kda_layers");
      ArrayNode others = linear.putArray("full_attn_layers");
      int number = 0;
      for (int heads : from.perLayer(GgufKey.KV_HEADS, from.layers())) {
        number++;
        (heads == 0 ? recurrent : others).add(number);
      }
      from.whole(GgufKey.HEADS, "num_heads", linear);
      from.whole(GgufKey.DELTA_HEAD, "head_dim", linear);
      from.whole(GgufKey.RECURRENT_TAPS, "short_conv_kernel_size", linear);
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      GgufWriting.attention(spec, ChannelDeltaNet.class)
          .ifPresent(layer -> {
            to.whole(GgufKey.DELTA_HEAD, layer.headDim());
            to.whole(GgufKey.RECURRENT_TAPS, layer.taps());
          });
    }
  }

  /** MiniMax-01's lightning attention: in all but every n-th layer. */
  record Lightning() implements GgufRecurrence {
    @Override
    public void read(GgufReading from) {
      int interval = from.whole(GgufKey.FULL_ATTENTION_INTERVAL).orElse(8);
      ArrayNode kinds = from.config().putArray("attn_type_list");
      for (int number = 1; number <= from.layers(); number++) {
        kinds.add(interval > 0 && number % interval == 0 ? 1 : 0);
      }
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      interval(spec, to);
    }
  }

  /** From the first layer that attends. */
  private static void interval(ModelSpec spec, GgufWriting to) {
    spec.layers().stream()
        .filter(layer -> !(layer.attention() instanceof RecurrentAttention))
        .mapToInt(LayerSpec::index)
        .findFirst()
        .ifPresent(first -> to.whole(GgufKey.FULL_ATTENTION_INTERVAL, first + 1));
  }

  /** Layers by whether they have key-value heads. */
  private static void layerTypes(GgufReading from, String recurrent, String other) {
    ArrayNode types = from.config().putArray("layer_types");
    keyValueHeads(from).forEach(heads -> types.add(heads == 0 ? recurrent : other));
  }

  /** Of each layer; the number that is not 0 is a field of the configuration. */
  private static List<Integer> keyValueHeads(GgufReading from) {
    List<Integer> all = from.perLayer(GgufKey.KV_HEADS, from.layers());
    for (int heads : all) {
      if (heads > 0) {
        from.put(GgufKey.KV_HEADS, "num_key_value_heads", heads);
      }
    }
    return all;
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
