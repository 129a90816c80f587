package dev.consilium.model.family;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

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
  private final double defaultTheta;
  private final int headDim;
  private final int context;

  /**
   * @param defaultTheta the base when the configuration has none
   * @param headDim values per head
   * @param context {@code max_position_embeddings}
   */
  RotaryReader(ConfigFields fields, double defaultTheta, int headDim, int context) {
    this.fields = fields;
    this.defaultTheta = defaultTheta;
    this.headDim = headDim;
    this.context = context;
  }

  RotarySpec read() {
    Optional<ConfigFields> nested = nested();
    double theta = agreed("rope_theta", nested).orElse(defaultTheta);
    double part = agreed("partial_rotary_factor", nested).orElse(1);
    RotaryScaling scaling = nested.map(this::scaling).orElse(new NoScaling());
    nested.ifPresent(ConfigFields::refuseUnread);
    if (!(theta > 1) || theta > Float.MAX_VALUE) {
      throw new ConfigException("rope_theta is " + theta + ", want a finite number above 1");
    }
    int rotaryDim = part > 0 && part <= 1 ? (int) (headDim * part) : 0;
    if (rotaryDim < 2 || rotaryDim % 2 != 0) {
      throw new ConfigException(
          "partial_rotary_factor %s of %d values per head is %d values to turn, want an even number from 2 to %d"
              .formatted(part, headDim, rotaryDim, headDim));
    }
    return new RotarySpec(rotaryDim, theta, scaling);
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

  private RotaryScaling scaling(ConfigFields rope) {
    Optional<String> legacy = rope.optionalText("type");
    Optional<String> current = rope.optionalText("rope_type");
    if (legacy.isPresent() && current.isPresent() && !legacy.equals(current)) {
      throw rope.wrong("type", "the same as rope_type, which is " + current.get());
    }
    String type = current.or(() -> legacy).orElse("default");
    return switch (type) {
      case "default" -> new NoScaling();
      case "yarn" -> yarn(rope);
      default ->
          throw rope.wrong(
              current.isPresent() ? "rope_type" : "type", "one of " + List.of("default", "yarn"));
    };
  }

  private YarnScaling yarn(ConfigFields rope) {
    int original =
        rope.optionalInteger("original_max_position_embeddings", 1, MAX_CONTEXT).orElse(context);
    double factor = rope.optionalNumber("factor").orElse((double) context / original);
    double betaFast = orIfZero(rope.optionalNumber("beta_fast"), 32);
    double betaSlow = orIfZero(rope.optionalNumber("beta_slow"), 1);
    boolean truncate = rope.flag("truncate", true);
    double attentionFactor = attentionFactor(rope, factor);
    try {
      return new YarnScaling(factor, original, betaFast, betaSlow, truncate, attentionFactor);
    } catch (IllegalArgumentException e) {
      throw new ConfigException("yarn rope scaling: " + e.getMessage());
    }
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
