package dev.consilium.model.family;

import java.util.List;
import java.util.OptionalInt;

/**
 * Token ids with a meaning, as {@code config.json} states them.
 *
 * @param beginOfText the token that a prompt starts with, if the model knows one
 * @param endOfText the tokens that end an answer; may be empty
 */
public record TokenDefaults(OptionalInt beginOfText, List<Integer> endOfText) {

  public TokenDefaults {
    endOfText = List.copyOf(endOfText);
  }
}
