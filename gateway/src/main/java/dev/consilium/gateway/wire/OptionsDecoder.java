package dev.consilium.gateway.wire;

import dev.consilium.gateway.generation.Fault;
import dev.consilium.gateway.generation.Sampling;
import dev.consilium.gateway.generation.SamplingBuilder;
import dev.consilium.gateway.generation.Settings;
import dev.consilium.proto.inference.v1.GenerationOptions;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** Options of the public service as ours, with the ranges its contract states. */
final class OptionsDecoder {
  private final GenerationOptions options;
  private final int vocabularySize;

  OptionsDecoder(GenerationOptions options, int vocabularySize) {
    this.options = options;
    this.vocabularySize = vocabularySize;
  }

  Settings decode(Sampling defaults) {
    return new Settings(
        maxTokens(),
        sampling(defaults),
        stopTexts(),
        options.getIgnoreEndOfText(),
        topLogprobs(),
        options.getExpertTrace());
  }

  private OptionalInt maxTokens() {
    if (!options.hasMaxTokens()) {
      return OptionalInt.empty();
    }
    long value = Integer.toUnsignedLong(options.getMaxTokens());
    inRange("options.max_tokens", value, 1, 0xFFFFFFFFL);
    return OptionalInt.of((int) Math.min(Integer.MAX_VALUE, value));
  }

  private OptionalInt topLogprobs() {
    if (!options.hasTopLogprobs()) {
      return OptionalInt.empty();
    }
    long value = Integer.toUnsignedLong(options.getTopLogprobs());
    inRange("options.top_logprobs", value, 0, Settings.TOP_LOGPROBS_LIMIT);
    return OptionalInt.of((int) value);
  }

  private Sampling sampling(Sampling defaults) {
    SamplingBuilder sampling = new SamplingBuilder(defaults);
    if (options.hasTemperature()) {
      sampling.temperature(inRange("options.temperature", options.getTemperature(), 0, 100));
    }
    if (options.hasTopK()) {
      long value = Integer.toUnsignedLong(options.getTopK());
      sampling.topK((int) Math.min(Integer.MAX_VALUE, value));
    }
    if (options.hasTopP()) {
      sampling.topP(inRange("options.top_p", options.getTopP(), Float.MIN_VALUE, 1));
    }
    if (options.hasMinP()) {
      sampling.minP(inRange("options.min_p", options.getMinP(), 0, 1));
    }
    penalties(sampling);
    sampling.logitBias(logitBias());
    if (options.hasSeed()) {
      sampling.seed(options.getSeed());
    }
    return sampling.build();
  }

  private void penalties(SamplingBuilder sampling) {
    if (options.hasRepetitionPenalty()) {
      sampling.repetitionPenalty(
          inRange(
              "options.repetition_penalty",
              options.getRepetitionPenalty(),
              Float.MIN_VALUE,
              Float.MAX_VALUE));
    }
    if (options.hasPresencePenalty()) {
      sampling.presencePenalty(
          inRange("options.presence_penalty", options.getPresencePenalty(), -2, 2));
    }
    if (options.hasFrequencyPenalty()) {
      sampling.frequencyPenalty(
          inRange("options.frequency_penalty", options.getFrequencyPenalty(), -2, 2));
    }
  }

  private Map<Integer, Float> logitBias() {
    inRange(
        "size of options.logit_bias", options.getLogitBiasCount(), 0, Settings.LOGIT_BIAS_LIMIT);
    options
        .getLogitBiasMap()
        .forEach((id, bias) -> {
          inRange(
              "token in options.logit_bias", Integer.toUnsignedLong(id), 0, vocabularySize - 1L);
          inRange("options.logit_bias", bias, -100, 100);
        });
    return options.getLogitBiasMap();
  }

  private List<String> stopTexts() {
    inRange("count of options.stop", options.getStopCount(), 0, Settings.STOP_TEXTS_LIMIT);
    for (String stop : options.getStopList()) {
      inRange("length of options.stop", stop.length(), 1, Settings.STOP_TEXT_LENGTH_LIMIT);
    }
    return options.getStopList();
  }

  /** The value, if it is in the range and a number at all. */
  private static double inRange(String name, double value, double least, double most) {
    if (value >= least && value <= most) {
      return value;
    }
    throw Fault.invalid(
            name, "out_of_range", "%s is %s, expected %s to %s".formatted(name, value, least, most))
        .exception();
  }

  private static long inRange(String name, long value, long least, long most) {
    if (value >= least && value <= most) {
      return value;
    }
    throw Fault.invalid(
            name, "out_of_range", "%s is %d, expected %d to %d".formatted(name, value, least, most))
        .exception();
  }
}
