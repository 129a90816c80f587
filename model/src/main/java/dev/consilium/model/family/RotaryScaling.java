package dev.consilium.model.family;

/** How rotary frequencies are changed for contexts longer than the trained one. */
public sealed interface RotaryScaling
    permits NoScaling, LinearScaling, LlamaScaling, LongRopeScaling, YarnScaling {

  /** A number that a scaling needs above 0 and finite as a float. */
  static void requirePositive(String what, double value) {
    if (!(value > 0) || value > Float.MAX_VALUE) {
      throw new IllegalArgumentException(what + " is " + value + ", want a finite number above 0");
    }
  }
}
