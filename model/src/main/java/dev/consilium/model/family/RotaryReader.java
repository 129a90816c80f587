package dev.consilium.model.family;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Reads the rotary embedding of a configuration in either form: {@code rope_theta} beside {@code
 * rope_scaling} (releases before 5 of the reference; the kind in {@code type} or {@code
 * rope_type}), or both inside {@code rope_parameters}.
 *
 * <p>Not thread-safe; lives for one {@link #read}.
 */
final class RotaryReader {

  private static final int MAX_CONTEXT = 1 << 30;

  private final ConfigFields fields;
  private final AttentionRules.Rotary rules;
  private final int headDim;
  private final int context;

  /**
   * @param rules what absent fields mean
   * @param headDim values per head
   * @param context {@code max_position_embeddings}
   */
  RotaryReader(ConfigFields fields, AttentionRules.Rotary rules, int headDim, int context) {
    this.fields = fields;
    this.rules = rules;
    this.headDim = headDim;
    this.context = context;
  }

  RotarySpec read() {
    Optional<ConfigFields> nested = nested();
    double theta = agreed("rope_theta", nested).orElse(rules.theta());
    if (!(theta > 1) || theta > Float.MAX_VALUE) {
      throw new ConfigException("rope_theta is " + theta + ", want a finite number above 1");
    }
    double part = agreed("partial_rotary_factor", nested).orElse(rules.part());
    int byPart = part > 0 && part <= 1 ? (int) (headDim * part) : 0;
    int rotaryDim = fields.optionalInteger("rotary_dim", 2, headDim).orElse(byPart);
    if (rotaryDim < 2 || rotaryDim % 2 != 0) {
      throw new ConfigException(
          "partial_rotary_factor %s of %d values per head is %d values to turn, want an even number from 2 to %d"
              .formatted(part, headDim, rotaryDim, headDim));
    }
    // How positions in images are shared out; those of text are the same in all shares.
    nested.ifPresent(rope -> rope.ignore(Set.of("mrope_interleaved", "mrope_section")));
    OptionalInt original = originalContext(nested);
    try {
      RotaryScaling scaling = nested.map(rope -> scaling(rope, original)).orElse(new NoScaling());
      double stretched = theta * stretch(nested, rotaryDim);
      nested.ifPresent(ConfigFields::refuseUnread);
      return new RotarySpec(rotaryDim, stretched, rules.pairing(), scaling);
    } catch (IllegalArgumentException e) {
      throw new ConfigException("rope scaling: " + e.getMessage());
    }
  }

  private Optional<ConfigFields> nested() {
    Optional<ConfigFields> parameters = fields.object("rope_parameters");
    Optional<ConfigFields> scaling = fields.object("rope_scaling");
    if (parameters.isPresent() && scaling.isPresent()) {
      throw fields.wrong("rope_scaling", "none beside rope_parameters, which says the same");
    }
    return parameters.or(() -> scaling);
  }

  /** A number that may stand outside or inside the nested object, or in both alike. */
  private OptionalDouble agreed(String field, Optional<ConfigFields> nested) {
    OptionalDouble outside = fields.optionalNumber(field);
    OptionalDouble inside =
        nested.map(object -> object.optionalNumber(field)).orElse(OptionalDouble.empty());
    if (outside.isPresent() && inside.isPresent() && !outside.equals(inside)) {
      throw fields.wrong(field, inside.getAsDouble() + ", as the rope parameters say");
    }
    return outside.isPresent() ? outside : inside;
  }

  private RotaryScaling scaling(ConfigFields rope, OptionalInt original) {
    return switch (type(rope)) {
      case "default" -> new NoScaling();
      case "linear" -> new LinearScaling(number(rope, "factor"));
      case "dynamic" -> dynamic(rope);
      case "yarn" -> yarn(rope, original);
      case "llama3" -> llama(rope, original);
      case "longrope" -> longRope(rope, original);
      default ->
          throw rope.wrong(
              rope.has("rope_type") ? "rope_type" : "type",
              "one of " + List.of("default", "linear", "dynamic", "yarn", "llama3", "longrope"));
    };
  }

  /**
   * The base grows with what a sequence has beyond {@code max_position_embeddings}, and we let none
   * grow beyond: within, nothing is scaled.
   */
  private static RotaryScaling dynamic(ConfigFields rope) {
    RotaryScaling.requirePositive("factor", number(rope, "factor"));
    rope.ignore(Set.of("beta_fast", "beta_slow", "mscale", "mscale_all_dim")); // YaRN's
    return new NoScaling();
  }

  private static String type(ConfigFields rope) {
    Optional<String> legacy = rope.optionalText("type");
    Optional<String> current = rope.optionalText("rope_type");
    if (legacy.isPresent() && current.isPresent() && !legacy.equals(current)) {
      throw rope.wrong("type", "the same as rope_type, which is " + current.get());
    }
    return current.or(() -> legacy).orElse("default");
  }

  /** What {@code alpha} multiplies the base by: NTK scaling by a constant. */
  private static double stretch(Optional<ConfigFields> nested, int rotaryDim) {
    OptionalDouble alpha =
        nested
            .filter(rope -> type(rope).equals("dynamic"))
            .map(rope -> rope.optionalNumber("alpha"))
            .orElse(OptionalDouble.empty());
    if (alpha.isEmpty()) {
      return 1;
    }
    RotaryScaling.requirePositive("alpha", alpha.getAsDouble());
    return StrictMath.pow(alpha.getAsDouble(), rotaryDim / (rotaryDim - 2.0));
  }

  private LlamaScaling llama(ConfigFields rope, OptionalInt original) {
    return new LlamaScaling(
        number(rope, "factor"),
        number(rope, "low_freq_factor"),
        number(rope, "high_freq_factor"),
        original.orElseThrow(
            () -> rope.wrong("original_max_position_embeddings", "the trained context")));
  }

  private LongRopeScaling longRope(ConfigFields rope, OptionalInt original) {
    int trained =
        original.orElseThrow(
            () -> rope.wrong("original_max_position_embeddings", "the trained context"));
    // The reference takes this ratio whatever a field named factor says.
    rope.optionalNumber("factor");
    double magnitude =
        rope.optionalNumber("attention_factor")
            .orElse(longMagnitude((double) context / trained, trained));
    return new LongRopeScaling(
        rope.numbers("short_factor"),
        rope.numbers("long_factor"),
        trained,
        rope.optionalNumber("short_mscale").orElse(magnitude),
        rope.optionalNumber("long_mscale").orElse(magnitude));
  }

  private static double longMagnitude(double factor, int trained) {
    return factor <= 1 ? 1 : Math.sqrt(1 + StrictMath.log(factor) / StrictMath.log(trained));
  }

  private static double number(ConfigFields rope, String field) {
    return rope.optionalNumber(field).orElseThrow(() -> rope.wrong(field, "a number"));
  }

  /** The trained context, which may stand outside or inside the nested object. */
  private OptionalInt originalContext(Optional<ConfigFields> nested) {
    String field = "original_max_position_embeddings";
    OptionalInt outside = fields.optionalInteger(field, 1, MAX_CONTEXT);
    OptionalInt inside =
        nested.map(rope -> rope.optionalInteger(field, 1, MAX_CONTEXT)).orElse(OptionalInt.empty());
    if (outside.isPresent() && inside.isPresent() && !outside.equals(inside)) {
      throw fields.wrong(field, inside.getAsInt() + ", as the rope parameters say");
    }
    return inside.isPresent() ? inside : outside;
  }

  private YarnScaling yarn(ConfigFields rope, OptionalInt stated) {
    int original = stated.orElse(context);
    double factor = rope.optionalNumber("factor").orElse((double) context / original);
    double betaFast = orIfZero(rope.optionalNumber("beta_fast"), 32);
    double betaSlow = orIfZero(rope.optionalNumber("beta_slow"), 1);
    boolean truncate = rope.flag("truncate", true);
    double attentionFactor = attentionFactor(rope, factor);
    return new YarnScaling(factor, original, betaFast, betaSlow, truncate, attentionFactor);
  }

  private static double attentionFactor(ConfigFields rope, double factor) {
    double mscale = rope.optionalNumber("mscale").orElse(0);
    double mscaleAllDim = rope.optionalNumber("mscale_all_dim").orElse(0);
    double byDefault =
        mscale != 0 && mscaleAllDim != 0
            ? magnitude(factor, mscale) / magnitude(factor, mscaleAllDim)
            : magnitude(factor, 1);
    return rope.optionalNumber("attention_factor").orElse(byDefault);
  }

  static double magnitude(double factor, double mscale) {
    return factor <= 1 ? 1 : 0.1 * mscale * StrictMath.log(factor) + 1;
  }

  /** The reference takes 0 for absent. */
  private static double orIfZero(OptionalDouble value, double absent) {
    return value.orElse(0) == 0 ? absent : value.getAsDouble();
  }
}
