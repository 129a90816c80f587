package dev.consilium.gateway.openai;

import com.fasterxml.jackson.databind.JsonNode;
import dev.consilium.gateway.generation.Settings;
import dev.consilium.gateway.generation.TokenIds;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * The body of {@code POST /v1/completions}.
 *
 * @param echo answer with the prompt before what continues it
 */
public record CompletionRequest(CommonOptions options, List<Prompt> prompts, boolean echo) {
  /** As in the API that this one follows. */
  private static final int DEFAULT_MAX_TOKENS = 16;

  public CompletionRequest {
    prompts = List.copyOf(prompts);
  }

  /** Reads and checks a body; throws with the parameter at fault. */
  public static CompletionRequest read(byte[] body, RequestLimits limits) {
    Fields fields = Fields.of(body);
    fields.refuseUnless("suffix", node -> node.isTextual() && node.textValue().isEmpty());
    OptionalInt logprobs = fields.integer("logprobs", 0, Settings.TOP_LOGPROBS_LIMIT);
    int maxTokens = fields.integer("max_tokens", 1, Integer.MAX_VALUE).orElse(DEFAULT_MAX_TOKENS);
    CommonOptions options =
        new OptionsReader(fields, limits).read(OptionalInt.of(maxTokens), logprobs);
    // Equal to the number of choices, it asks for nothing.
    fields.refuseUnless(
        "best_of", node -> node.isIntegralNumber() && node.asLong() == options.choices());
    boolean echo = fields.flag("echo");
    if (echo && logprobs.isPresent()) {
      throw Fields.invalid(
          "echo", "'echo' with 'logprobs' is not supported: prompts have no log-probabilities");
    }
    List<Prompt> prompts = prompts(fields.required("prompt"), limits);
    fields.refuseOthers();
    return new CompletionRequest(options, prompts, echo);
  }

  private static List<Prompt> prompts(JsonNode node, RequestLimits limits) {
    if (node.isTextual()) {
      return List.of(new Prompt.Text(Fields.text("prompt", node)));
    }
    if (!node.isArray()) {
      throw Fields.wrongType("prompt", "a string, or an array of strings or tokens", node);
    }
    if (node.isEmpty()) {
      throw Fields.invalid("prompt", "'prompt' must not be empty");
    }
    if (node.get(0).isNumber()) {
      return List.of(tokens("prompt", node, limits));
    }
    List<Prompt> prompts = new ArrayList<>();
    for (JsonNode entry : Fields.list("prompt", node, RequestLimits.PROMPTS)) {
      String path = "prompt[%d]".formatted(prompts.size());
      prompts.add(
          entry.isArray()
              ? tokens(path, entry, limits)
              : new Prompt.Text(Fields.text(path, entry)));
    }
    return prompts;
  }

  private static Prompt tokens(String path, JsonNode array, RequestLimits limits) {
    int[] ids = new int[array.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = token(path, i, array.get(i), limits.vocabularySize());
    }
    if (ids.length == 0) {
      throw Fields.invalid(path, "'%s' must have at least one token; found none".formatted(path));
    }
    return new Prompt.Tokens(TokenIds.of(ids));
  }

  /** Spells the path only for the token at fault: prompts are long. */
  private static int token(String path, int index, JsonNode node, int vocabularySize) {
    boolean good = node.isInt() && node.intValue() >= 0 && node.intValue() < vocabularySize;
    return good
        ? node.intValue()
        : Fields.integer("%s[%d]".formatted(path, index), node, 0, vocabularySize - 1);
  }
}
