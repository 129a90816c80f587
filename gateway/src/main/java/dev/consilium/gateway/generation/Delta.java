package dev.consilium.gateway.generation;

import java.util.List;

/**
 * What a choice gained.
 *
 * @param text whole characters; never part of a stop text
 * @param tokens the tokens that begin in {@code text}, or before it with nothing to show
 */
public record Delta(String text, List<PlacedToken> tokens) {

  public Delta {
    tokens = List.copyOf(tokens);
  }

  public boolean isEmpty() {
    return text.isEmpty() && tokens.isEmpty();
  }

  /**
   * A token and where its text begins.
   *
   * @param offset characters (UTF-16 units) of the choice's text before it
   */
  public record PlacedToken(SampledToken token, int offset) {}
}
