package dev.consilium.model.gguf;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LinearScaling;
import dev.consilium.model.family.LlamaScaling;
import dev.consilium.model.family.LongRopeScaling;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.NoScaling;
import dev.consilium.model.family.RotarySpec;
import dev.consilium.model.family.YarnScaling;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.Stream;

/**
 * The rotary embedding of heads that are turned, and how its frequencies are changed. Files hold
 * factors of single frequencies as tensors beside the metadata.
 *
 * @param partial whether a part of a head may be turned
 * @param truncated whether YaRN's bounds are whole numbers
 * @param factors whether files may hold factors of the frequencies
 */
record GgufRotary(boolean partial, boolean truncated, boolean factors) implements GgufAxis {

  /** What frequencies are divided by, at any length. */
  static final String FACTORS = "rope_freqs.weight";

  /** The same for sequences within the trained context. */
  static final String SHORT_FACTORS = "rope_factors_short.weight";

  /** The same for others. */
  static final String LONG_FACTORS = "rope_factors_long.weight";

  /** Digits that survive as f32. */
  private static final double UNREAD_TOLERANCE = 1e-5;

  /** Whole heads, no factors. */
  static final GgufRotary WHOLE = new GgufRotary(false, true, false);

  @Override
  public void read(GgufReading from) {
    OptionalInt headDim = GgufAttention.headDim(from);
    if (headDim.isPresent()) {
      dimensions(from, headDim.getAsInt());
    }
    readScaling(from, truncated);
    if (factors && from.tensor(FACTORS).isPresent()) {
      fixedFactors(from);
    }
  }

  private void dimensions(GgufReading from, int headDim) {
    if (!partial) {
      from.require(GgufKey.ROTARY_DIMENSIONS, headDim, ", the values of a head");
      return;
    }
    from.origin(GgufKey.ROTARY_DIMENSIONS, "partial_rotary_factor");
    int turned = from.whole(GgufKey.ROTARY_DIMENSIONS).orElse(headDim);
    double part = turned / (double) headDim;
    from.config()
        .put("partial_rotary_factor", (int) (headDim * part) < turned ? Math.nextUp(part) : part);
  }

  /** The base, and the scaling if there is any. */
  static Optional<ObjectNode> readScaling(GgufReading from, boolean truncated) {
    from.real(GgufKey.ROTARY_BASE, "rope_theta");
    if (!from.has(GgufKey.ROTARY_BASE)) {
      from.config().put("rope_theta", 10_000.0); // what files mean that do not say
    }
    String type = from.text(GgufKey.SCALING_TYPE).orElse("none");
    from.origin(GgufKey.SCALING_TYPE, "rope_type");
    if (type.equals("none")) {
      requireNoScaling(from);
      return Optional.empty();
    }
    ObjectNode scaling = from.config().putObject("rope_scaling");
    scaling.put("rope_type", type);
    from.whole(GgufKey.SCALING_CONTEXT, "original_max_position_embeddings", scaling);
    if (type.equals("longrope")) {
      longRope(from, scaling);
      return Optional.of(scaling);
    }
    from.real(GgufKey.SCALING_FACTOR, "factor", scaling);
    from.real(GgufKey.SCALING_BETA_FAST, "beta_fast", scaling);
    from.real(GgufKey.SCALING_BETA_SLOW, "beta_slow", scaling);
    if (!truncated) {
      scaling.put("truncate", false);
    }
    attentionFactor(from, scaling);
    return Optional.of(scaling);
  }

  private static void requireNoScaling(GgufReading from) {
    from.whole(GgufKey.SCALING_CONTEXT); // files may say what was trained with another base
    double factor = from.real(GgufKey.SCALING_FACTOR).orElse(1);
    if (factor != 1 && factor != 0) {
      throw from.unwanted(
          GgufKey.SCALING_FACTOR, "none, as there is no " + from.name(GgufKey.SCALING_TYPE));
    }
  }

  private static void attentionFactor(GgufReading from, ObjectNode scaling) {
    OptionalDouble relative = from.real(GgufKey.SCALING_ATTENTION);
    double byItself = yarnAttention(from.real(GgufKey.SCALING_FACTOR).orElse(1));
    if (relative.isPresent() && relative.getAsDouble() != 1) {
      scaling.put("attention_factor", relative.getAsDouble() * byItself);
    }
    double unread = from.real(GgufKey.SCALING_ATTENTION_UNREAD).orElse(1);
    if (unread != 1 && Math.abs(unread - byItself) > UNREAD_TOLERANCE) {
      throw from.unwanted(
          GgufKey.SCALING_ATTENTION_UNREAD,
          "1, or %s, which the factor has by itself: programs disagree on what else it means, use %s"
              .formatted((float) byItself, from.name(GgufKey.SCALING_ATTENTION)));
    }
  }

  /** What YaRN multiplies cosine and sine by, if nothing else is said. */
  private static double yarnAttention(double factor) {
    return factor <= 1 ? 1 : 0.1 * StrictMath.log(factor) + 1;
  }

  private static void longRope(GgufReading from, ObjectNode scaling) {
    double magnitude = from.real(GgufKey.SCALING_ATTENTION).orElse(1);
    putFactors(scaling, from.vector(SHORT_FACTORS), from.vector(LONG_FACTORS), magnitude);
  }

  private static void fixedFactors(GgufReading from) {
    if (from.config().has("rope_scaling")) {
      throw from.unwanted(GgufKey.SCALING_TYPE, "none beside the tensor " + FACTORS);
    }
    ObjectNode scaling = from.config().putObject("rope_scaling");
    scaling.put("rope_type", "longrope");
    from.whole(GgufKey.CONTEXT)
        .ifPresent(context -> scaling.put("original_max_position_embeddings", context));
    putFactors(scaling, from.vector(FACTORS), from.vector(FACTORS), 1);
  }

  private static void putFactors(
      ObjectNode scaling, List<Float> within, List<Float> beyond, double magnitude) {
    ArrayNode shorts = scaling.putArray("short_factor");
    within.forEach(shorts::add);
    ArrayNode longs = scaling.putArray("long_factor");
    beyond.forEach(longs::add);
    scaling.put("short_mscale", magnitude);
    scaling.put("long_mscale", magnitude);
  }

  @Override
  public void write(ModelSpec spec, GgufWriting to) {
    Optional<GroupedQueryAttention> attention =
        GgufWriting.attention(spec, GroupedQueryAttention.class);
    Optional<RotarySpec> turned = rotary(spec);
    attention.ifPresent(heads ->
        to.whole(
            GgufKey.ROTARY_DIMENSIONS, turned.map(RotarySpec::rotaryDim).orElse(heads.headDim())));
    turned.ifPresent(rotary -> {
      writeScaling(rotary, to);
      if (rotary.scaling() instanceof YarnScaling yarn) {
        attention(yarn, to);
      }
    });
  }

  /** The rotary embedding of the layers that have one. */
  private static Optional<RotarySpec> rotary(ModelSpec spec) {
    return spec.layers().stream()
        .flatMap(layer ->
            layer.attention() instanceof GroupedQueryAttention grouped
                ? grouped.rotary().stream()
                : Stream.empty())
        .findFirst();
  }

  /** The base and the scaling. */
  static void writeScaling(RotarySpec rotary, GgufWriting to) {
    to.real(GgufKey.ROTARY_BASE, rotary.theta());
    switch (rotary.scaling()) {
      case NoScaling() -> {}
      case LinearScaling linear -> {
        to.text(GgufKey.SCALING_TYPE, "linear");
        to.real(GgufKey.SCALING_FACTOR, linear.factor());
      }
      case YarnScaling yarn -> yarn(yarn, to);
      case LongRopeScaling longRope -> {
        if (!alike(longRope)) {
          to.text(GgufKey.SCALING_TYPE, "longrope");
          to.whole(GgufKey.SCALING_CONTEXT, longRope.originalContextLength());
          to.real(GgufKey.SCALING_ATTENTION, longRope.shortMagnitude());
        }
      }
      case LlamaScaling _ -> {
        // There are no keys for it: what its frequencies are divided by is a tensor.
      }
    }
  }

  /** Whether the factors are the same at any length and there is nothing else. */
  static boolean alike(LongRopeScaling scaling) {
    return scaling.shortFactors().equals(scaling.longFactors())
        && scaling.shortMagnitude() == 1
        && scaling.longMagnitude() == 1;
  }

  private static void yarn(YarnScaling yarn, GgufWriting to) {
    to.text(GgufKey.SCALING_TYPE, "yarn");
    to.real(GgufKey.SCALING_FACTOR, yarn.factor());
    to.whole(GgufKey.SCALING_CONTEXT, yarn.originalContextLength());
    to.real(GgufKey.SCALING_BETA_FAST, yarn.betaFast());
    to.real(GgufKey.SCALING_BETA_SLOW, yarn.betaSlow());
  }

  /** What it multiplies by, if that is not what follows from its factor. */
  static void attention(YarnScaling yarn, GgufWriting to) {
    double byItself = yarnAttention(yarn.factor());
    if (yarn.attentionFactor() != byItself) {
      to.real(GgufKey.SCALING_ATTENTION, yarn.attentionFactor() / byItself);
    }
  }

  /** The same, with what files can hold of the number that it multiplies by. */
  static YarnScaling expressed(YarnScaling yarn) {
    double byItself = yarnAttention(yarn.factor());
    return yarn.attentionFactor() == byItself
        ? yarn
        : new YarnScaling(
            yarn.factor(),
            yarn.originalContextLength(),
            yarn.betaFast(),
            yarn.betaSlow(),
            yarn.truncate(),
            (float) (yarn.attentionFactor() / byItself) * byItself);
  }
}
