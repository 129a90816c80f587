package dev.consilium.gateway.openai;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.gateway.generation.Sampling;
import dev.consilium.gateway.generation.SamplingBuilder;
import dev.consilium.gateway.generation.Settings;
import dev.consilium.gateway.openai.CommonOptions.Streaming;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;

/** Reads the parameters that chat and completion requests share. */
final class OptionsReader {
  private final Fields fields;
  private final RequestLimits limits;

  OptionsReader(Fields fields, RequestLimits limits) {
    this.fields = fields;
    this.limits = limits;
  }

  CommonOptions read(OptionalInt maxTokens, OptionalInt topLogprobs) {
    fields.ignore("user", "metadata", "service_tier", "safety_identifier");
    fields.ignore("prompt_cache_key", "prompt_cache_retention");
    fields.refuseUnless("store", node -> node.isBoolean() && !node.booleanValue());
    String model = Fields.text(fields.path("model"), fields.required("model"));
    int choices = fields.integer("n", 1, RequestLimits.CHOICES).orElse(1);
    Settings settings =
        new Settings(
            maxTokens, sampling(), stopTexts(), fields.flag("ignore_eos"), topLogprobs, false);
    return new CommonOptions(model, choices, settings, streaming());
  }

  private Sampling sampling() {
    SamplingBuilder sampling = new SamplingBuilder(limits.defaults());
    fields.number("temperature", 0, 2).ifPresent(sampling::temperature);
    topK().ifPresent(sampling::topK);
    fields.numberAbove("top_p", 0, 1).ifPresent(sampling::topP);
    fields.number("min_p", 0, 1).ifPresent(sampling::minP);
    fields
        .numberAbove("repetition_penalty", 0, Float.MAX_VALUE)
        .ifPresent(sampling::repetitionPenalty);
    fields.number("presence_penalty", -2, 2).ifPresent(sampling::presencePenalty);
    fields.number("frequency_penalty", -2, 2).ifPresent(sampling::frequencyPenalty);
    fields.seed("seed").ifPresent(sampling::seed);
    fields.node("logit_bias").ifPresent(node -> sampling.logitBias(logitBias(node)));
    return sampling.build();
  }

  /** vLLM's spelling of "all" is -1, ours 0; both are taken. */
  private OptionalInt topK() {
    OptionalInt value = fields.integer("top_k", -1, Integer.MAX_VALUE);
    return value.isPresent() ? OptionalInt.of(Math.max(0, value.getAsInt())) : value;
  }

  private Map<Integer, Float> logitBias(JsonNode node) {
    String path = fields.path("logit_bias");
    if (!(node instanceof ObjectNode biases)) {
      throw Fields.wrongType(path, "an object", node);
    }
    if (biases.size() > Settings.LOGIT_BIAS_LIMIT) {
      throw Fields.invalid(
          path,
          "'%s' has %d tokens; at most %d are allowed"
              .formatted(path, biases.size(), Settings.LOGIT_BIAS_LIMIT));
    }
    Map<Integer, Float> byToken = new TreeMap<>();
    for (Map.Entry<String, JsonNode> bias : biases.properties()) {
      String at = path + "." + bias.getKey();
      double value = Fields.number(at, bias.getValue(), -100, 100);
      byToken.put(token(at, bias.getKey()), (float) value);
    }
    return byToken;
  }

  private int token(String path, String name) {
    int id;
    try {
      id = Integer.parseInt(name);
    } catch (NumberFormatException e) {
      id = -1;
    }
    if (id < 0 || id >= limits.vocabularySize()) {
      throw Fields.invalid(
          path,
          "'%s' names no token: ids are 0 to %d".formatted(path, limits.vocabularySize() - 1));
    }
    return id;
  }

  private List<String> stopTexts() {
    String path = fields.path("stop");
    JsonNode node = fields.node("stop").orElse(null);
    if (node == null) {
      return List.of();
    }
    if (node.isTextual()) {
      return List.of(stopText(path, node));
    }
    if (!node.isArray()) {
      throw Fields.wrongType(path, "a string or an array of strings", node);
    }
    List<String> texts = new ArrayList<>();
    for (JsonNode entry : Fields.list(path, node, Settings.STOP_TEXTS_LIMIT)) {
      texts.add(stopText("%s[%d]".formatted(path, texts.size()), entry));
    }
    return texts;
  }

  private static String stopText(String path, JsonNode node) {
    String text = Fields.text(path, node);
    if (text.isEmpty() || text.length() > Settings.STOP_TEXT_LENGTH_LIMIT) {
      throw Fields.invalid(
          path,
          "'%s' must have 1 to %d characters; found %d"
              .formatted(path, Settings.STOP_TEXT_LENGTH_LIMIT, text.length()));
    }
    return text;
  }

  private Streaming streaming() {
    boolean on = fields.flag("stream");
    JsonNode node = fields.node("stream_options").orElse(null);
    if (node == null) {
      return on ? Streaming.ON : Streaming.OFF;
    }
    if (!on) {
      throw Fields.invalid(
          fields.path("stream_options"), "'stream_options' is only allowed with 'stream': true");
    }
    Fields options = Fields.of(fields.path("stream_options"), node);
    boolean usage = options.flag("include_usage");
    options.ignore("include_obfuscation", "continuous_usage_stats");
    options.refuseOthers();
    return usage ? Streaming.WITH_USAGE : Streaming.ON;
  }
}
