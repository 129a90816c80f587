package dev.consilium.cli.text;

import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * How to generate; what is empty takes the model's own default.
 *
 * @param maxTokens most tokens to generate; empty: up to the context length
 * @param stop texts that end the answer
 */
public record TextOptions(OptionalInt maxTokens, Draw draw, OptionalLong seed, List<String> stop) {

  /** How the next token is drawn. */
  public record Draw(
      OptionalDouble temperature,
      OptionalInt topK,
      OptionalDouble topP,
      OptionalDouble minP,
      OptionalDouble repetitionPenalty) {

    static final Draw DEFAULT =
        new Draw(
            OptionalDouble.empty(),
            OptionalInt.empty(),
            OptionalDouble.empty(),
            OptionalDouble.empty(),
            OptionalDouble.empty());
  }

  public TextOptions {
    stop = List.copyOf(stop);
  }

  /** The model's defaults with a limit. */
  public static TextOptions upTo(int maxTokens) {
    return new TextOptions(
        OptionalInt.of(maxTokens), Draw.DEFAULT, OptionalLong.empty(), List.of());
  }

  /** The same, always drawing alike. */
  public TextOptions withSeed(long value) {
    return new TextOptions(maxTokens, draw, OptionalLong.of(value), stop);
  }
}
