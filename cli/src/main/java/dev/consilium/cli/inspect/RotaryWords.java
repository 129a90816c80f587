package dev.consilium.cli.inspect;

import dev.consilium.model.family.LinearScaling;
import dev.consilium.model.family.LlamaScaling;
import dev.consilium.model.family.LongRopeScaling;
import dev.consilium.model.family.NoScaling;
import dev.consilium.model.family.RotaryScaling;
import dev.consilium.model.family.RotarySpec;
import dev.consilium.model.family.YarnScaling;

/** How positions enter by rotation. */
final class RotaryWords {

  private RotaryWords() {}

  /**
   * Words.
   *
   * @param headDim values of a head, of which some may not be rotated
   */
  static String of(RotarySpec rotary, int headDim) {
    String values =
        rotary.rotaryDim() == headDim
            ? "all values of a head"
            : "%d of the %d values of a head".formatted(rotary.rotaryDim(), headDim);
    String pairs =
        switch (rotary.pairing()) {
          case HALVES -> "halves paired";
          case NEIGHBOURS -> "neighbours paired";
        };
    return "rotary on %s, %s, theta %s%s"
        .formatted(values, pairs, Numbers.plain(rotary.theta()), scaling(rotary.scaling()));
  }

  private static String scaling(RotaryScaling scaling) {
    return switch (scaling) {
      case NoScaling() -> "";
      case LinearScaling(double factor) -> ", positions divided by " + Numbers.plain(factor);
      case LlamaScaling llama ->
          stretched("Llama 3 scaling", llama.factor(), llama.originalContextLength());
      case YarnScaling yarn -> stretched("YaRN", yarn.factor(), yarn.originalContextLength());
      case LongRopeScaling longRope ->
          ", LongRoPE: factors of its own for sequences beyond %d tokens"
              .formatted(longRope.originalContextLength());
    };
  }

  private static String stretched(String name, double factor, int context) {
    return ", %s: %s times the trained context of %d"
        .formatted(name, Numbers.plain(factor), context);
  }
}
