package dev.consilium.model.gguf;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.RotarySpec;
import dev.consilium.model.family.YarnScaling;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.OptionalInt;

/**
 * Latent attention. Newer files state it as what it is when nothing is expanded: one key-value head
 * of the latent vector and the rotated key; and the heads it stands for beside that.
 *
 * @param mixed whether some layers are recurrent, and key-value heads are listed by layer
 */
record GgufLatent(boolean mixed) implements GgufAxis {

  /** Digits of {@code mscale_all_dim} that survive as f32. */
  private static final MathContext DIGITS = new MathContext(6);

  private static final String ALL_DIM = "mscale_all_dim";

  @Override
  public void read(GgufReading from) {
    from.whole(GgufKey.HEADS, "num_attention_heads");
    from.origin(GgufKey.QUERY_RANK, "q_lora_rank");
    int queryRank = from.whole(GgufKey.QUERY_RANK).orElse(0);
    if (queryRank > 0) {
      from.put(GgufKey.QUERY_RANK, "q_lora_rank", queryRank);
    }
    from.whole(GgufKey.KEY_VALUE_RANK, "kv_lora_rank");
    from.whole(GgufKey.ROTARY_DIMENSIONS, "qk_rope_head_dim");
    int rank = from.whole(GgufKey.KEY_VALUE_RANK).orElse(0);
    int rotary = from.whole(GgufKey.ROTARY_DIMENSIONS).orElse(0);
    boolean absorbed = from.has(GgufKey.LATENT_KEY_LENGTH) || mixed;
    GgufKey keyLength = absorbed ? GgufKey.LATENT_KEY_LENGTH : GgufKey.KEY_LENGTH;
    GgufKey valueLength = absorbed ? GgufKey.LATENT_VALUE_LENGTH : GgufKey.VALUE_LENGTH;
    if (mixed) {
      from.require(GgufKey.KEY_LENGTH, rank + rotary, ", the latent vector and the rotated key");
      from.has(GgufKey.VALUE_LENGTH); // of a head in the original's words, which nothing has
    } else if (absorbed) {
      from.require(GgufKey.KV_HEADS, 1, ", as there is one latent vector for all heads");
      from.require(GgufKey.KEY_LENGTH, rank + rotary, ", the latent vector and the rotated key");
      from.require(GgufKey.VALUE_LENGTH, rank, ", the latent vector");
    } else {
      from.whole(GgufKey.KV_HEADS, "num_key_value_heads");
    }
    OptionalInt key = from.whole(keyLength);
    if (key.isPresent() && key.getAsInt() <= rotary) {
      throw from.unwanted(keyLength, "more than the %d that are rotated".formatted(rotary));
    }
    from.origin(keyLength, "qk_nope_head_dim");
    key.ifPresent(value -> from.put(keyLength, "qk_nope_head_dim", value - rotary));
    from.whole(valueLength, "v_head_dim");
    GgufRotary.readScaling(from, true).ifPresent(scaling -> magnitude(from, scaling));
  }

  /** One factor for both: files cannot say that {@code mscale} is another. */
  private static void magnitude(GgufReading from, ObjectNode scaling) {
    from.real(GgufKey.SCALING_LOGARITHM)
        .ifPresent(tenth -> {
          double allDim = round(tenth * 10);
          scaling.put("mscale", allDim);
          scaling.put(ALL_DIM, allDim);
        });
  }

  private static double round(double value) {
    return new BigDecimal(value).round(DIGITS).doubleValue();
  }

  @Override
  public void write(ModelSpec spec, GgufWriting to) {
    GgufWriting.attention(spec, LatentAttention.class)
        .ifPresent(latent -> {
          heads(spec, to);
          write(latent, to);
        });
  }

  private void heads(ModelSpec spec, GgufWriting to) {
    if (mixed) {
      to.wholes(
          GgufKey.KV_HEADS,
          spec.layers().stream()
              .map(layer -> layer.attention() instanceof LatentAttention ? 1 : 0)
              .toList());
    } else {
      to.whole(GgufKey.KV_HEADS, 1);
    }
  }

  private static void write(LatentAttention latent, GgufWriting to) {
    to.whole(GgufKey.HEADS, latent.heads());
    // Other programs want this key; 0 stands for none.
    to.whole(GgufKey.QUERY_RANK, latent.queryRank().orElse(0));
    to.whole(GgufKey.KEY_VALUE_RANK, latent.keyValueRank());
    to.whole(GgufKey.KEY_LENGTH, latent.cacheWidth());
    to.whole(GgufKey.VALUE_LENGTH, latent.keyValueRank());
    to.whole(GgufKey.LATENT_KEY_LENGTH, latent.queryDim());
    to.whole(GgufKey.LATENT_VALUE_LENGTH, latent.valueDim());
    to.whole(GgufKey.ROTARY_DIMENSIONS, latent.sharedDim());
    latent.rotary().ifPresent(rotary -> writeScaling(latent, rotary, to));
  }

  private static void writeScaling(LatentAttention latent, RotarySpec rotary, GgufWriting to) {
    GgufRotary.writeScaling(rotary, to);
    if (!(rotary.scaling() instanceof YarnScaling yarn)) {
      return;
    }
    if (yarn.factor() > 1 && latent.scale() != (float) Math.pow(latent.queryDim(), -0.5)) {
      double magnitude = Math.sqrt(latent.scale() * Math.sqrt(latent.queryDim()));
      to.real(
          GgufKey.SCALING_LOGARITHM,
          round((magnitude - 1) / StrictMath.log(yarn.factor()) * 10) / 10);
    } else {
      GgufRotary.attention(yarn, to);
    }
  }
}
