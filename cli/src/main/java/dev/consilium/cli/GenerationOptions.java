package dev.consilium.cli;

import dev.consilium.cli.text.TextOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import picocli.CommandLine.Option;

/** How to generate. What is not given takes the model's own default (generation_config.json). */
final class GenerationOptions {

  @Option(
      names = {"-n", "--max-tokens"},
      paramLabel = "N",
      description =
          "Most tokens to generate. Default: until the model ends or its context is full.")
  private Optional<Integer> maxTokens = Optional.empty();

  @Option(
      names = {"-t", "--temperature"},
      paramLabel = "T",
      description = "0 takes the likeliest token every time; larger is wilder.")
  private Optional<Double> temperature = Optional.empty();

  @Option(
      names = "--top-k",
      paramLabel = "K",
      description = "Draw among the K likeliest tokens; 0: all.")
  private Optional<Integer> topK = Optional.empty();

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description = "Draw among the likeliest tokens that together reach probability P.")
  private Optional<Double> topP = Optional.empty();

  @Option(
      names = "--min-p",
      paramLabel = "P",
      description = "Leave out tokens less probable than P times the likeliest.")
  private Optional<Double> minP = Optional.empty();

  @Option(
      names = "--repetition-penalty",
      paramLabel = "F",
      description = "Above 1 makes tokens that were seen less likely.")
  private Optional<Double> repetitionPenalty = Optional.empty();

  @Option(names = "--seed", paramLabel = "S", description = "The same seed gives the same text.")
  private Optional<Long> seed = Optional.empty();

  @Option(
      names = "--stop",
      paramLabel = "TEXT",
      description = "End when this text comes; may be given several times.")
  private List<String> stop = new ArrayList<>();

  TextOptions toOptions() {
    if (maxTokens.isPresent() && maxTokens.get() < 1) {
      throw new CommandFailure("--max-tokens is " + maxTokens.get() + ", expected 1 or more");
    }
    return new TextOptions(
        optional(maxTokens),
        new TextOptions.Draw(
            optionalDouble(temperature),
            optional(topK),
            optionalDouble(topP),
            optionalDouble(minP),
            optionalDouble(repetitionPenalty)),
        seed.map(OptionalLong::of).orElseGet(OptionalLong::empty),
        stop);
  }

  private static OptionalInt optional(Optional<Integer> value) {
    return value.map(OptionalInt::of).orElseGet(OptionalInt::empty);
  }

  private static OptionalDouble optionalDouble(Optional<Double> value) {
    return value.map(OptionalDouble::of).orElseGet(OptionalDouble::empty);
  }
}
