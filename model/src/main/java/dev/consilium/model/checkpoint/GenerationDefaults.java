package dev.consilium.model.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.gguf.GgufMetadata;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * How the model's authors want it sampled: {@code generation_config.json}, and {@code config.json}
 * for the end tokens if the former names none. What is empty is the server's to choose; a request
 * overrides everything.
 *
 * <p>{@code "do_sample": false} means greedy and gives temperature 0; without {@code do_sample} the
 * stated temperature counts. Fields that are not listed here are about other ways of decoding and
 * are ignored.
 *
 * @param endOfTextTokens ids that end an answer; may be empty
 * @param temperature 0 (greedy) or more
 * @param topK at least 1
 * @param topP above 0, at most 1
 * @param minP from 0 to 1
 * @param repetitionPenalty above 0; 1 changes nothing
 * @param maxNewTokens most tokens of an answer, at least 1
 */
public record GenerationDefaults(
    List<Integer> endOfTextTokens,
    OptionalDouble temperature,
    OptionalInt topK,
    OptionalDouble topP,
    OptionalDouble minP,
    OptionalDouble repetitionPenalty,
    OptionalInt maxNewTokens) {

  private static final String FILE = "generation_config.json";
  private static final long MAX_BYTES = 1 << 20;
  private static final int MAX_END_TOKENS = 1024;

  public GenerationDefaults {
    endOfTextTokens = List.copyOf(endOfTextTokens);
  }

  static GenerationDefaults read(Path directory, ModelSpec spec) {
    Path file = directory.resolve(FILE);
    if (!Files.exists(file)) {
      return new GenerationDefaults(
          spec.tokens().endOfText(),
          OptionalDouble.empty(),
          OptionalInt.empty(),
          OptionalDouble.empty(),
          OptionalDouble.empty(),
          OptionalDouble.empty(),
          OptionalInt.empty());
    }
    JsonNode json = JsonFiles.tree(file, MAX_BYTES);
    if (!json.isObject()) {
      throw new CheckpointException(file, "is not a JSON object");
    }
    return new Reader(file, json, spec).read();
  }

  /** What a GGUF file recommends. */
  static GenerationDefaults of(GgufMetadata metadata, ModelSpec spec) {
    String key = "general.sampling.";
    OptionalInt topK = metadata.whole(key + "top_k", Integer.MIN_VALUE, Integer.MAX_VALUE);
    return new GenerationDefaults(
        spec.tokens().endOfText(),
        number(metadata, key + "temp", 0, 1000),
        topK.isPresent() && topK.getAsInt() > 0 ? topK : OptionalInt.empty(),
        number(metadata, key + "top_p", Double.MIN_VALUE, 1),
        number(metadata, key + "min_p", 0, 1),
        number(metadata, key + "penalty_repeat", Double.MIN_VALUE, 1000),
        OptionalInt.empty());
  }

  private static OptionalDouble number(
      GgufMetadata metadata, String key, double least, double most) {
    OptionalDouble value = metadata.real(key);
    if (value.isPresent() && !(value.getAsDouble() >= least && value.getAsDouble() <= most)) {
      throw metadata.unwanted(
          key, "a number %s to %s".formatted(least == 0 ? "from 0" : "above 0, up", most));
    }
    return value;
  }

  private record Reader(Path file, JsonNode json, ModelSpec spec) {

    GenerationDefaults read() {
      JsonNode sample = json.path("do_sample");
      if (json.hasNonNull("do_sample") && !sample.isBoolean()) {
        throw wrong("do_sample", "true or false");
      }
      OptionalDouble temperature = number("temperature", 0, 1000);
      return new GenerationDefaults(
          endOfText(),
          sample.isBoolean() && !sample.booleanValue() ? OptionalDouble.of(0) : temperature,
          positive("top_k"),
          number("top_p", Double.MIN_VALUE, 1),
          number("min_p", 0, 1),
          number("repetition_penalty", Double.MIN_VALUE, 1000),
          positive("max_new_tokens"));
    }

    private List<Integer> endOfText() {
      if (!json.hasNonNull("eos_token_id")) {
        return spec.tokens().endOfText();
      }
      JsonNode value = json.get("eos_token_id");
      if (value.isArray() && value.size() > MAX_END_TOKENS) {
        throw wrong("eos_token_id", "at most " + MAX_END_TOKENS + " ids");
      }
      List<Integer> tokens = new ArrayList<>();
      for (JsonNode token : value.isArray() ? value : List.of(value)) {
        if (!token.isIntegralNumber()
            || !token.canConvertToInt()
            || token.intValue() < 0
            || token.intValue() >= spec.vocabularySize()) {
          throw wrong("eos_token_id", "ids from 0 to " + (spec.vocabularySize() - 1));
        }
        tokens.add(token.intValue());
      }
      return tokens;
    }

    private OptionalDouble number(String field, double least, double most) {
      if (!json.hasNonNull(field)) {
        return OptionalDouble.empty();
      }
      double value = json.get(field).doubleValue();
      if (!json.get(field).isNumber() || !(value >= least) || !(value <= most)) {
        throw wrong(
            field, "a number %s to %s".formatted(least == 0 ? "from 0" : "above 0, up", most));
      }
      return OptionalDouble.of(value);
    }

    /** A count; 0 stands for "off" in these files. */
    private OptionalInt positive(String field) {
      if (!json.hasNonNull(field)) {
        return OptionalInt.empty();
      }
      JsonNode value = json.get(field);
      if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 0) {
        throw wrong(field, "an integer from 0");
      }
      return value.intValue() == 0 ? OptionalInt.empty() : OptionalInt.of(value.intValue());
    }

    private CheckpointException wrong(String field, String want) {
      String found = json.get(field).toString();
      return new CheckpointException(
          file,
          "%s is %s, want %s"
              .formatted(
                  field, found.length() <= 80 ? found : found.substring(0, 80) + "...", want));
    }
  }
}
