package dev.consilium.gateway.generation;

import java.util.List;

/**
 * A request with everything in tokens. Its choices are numbered prompt by prompt: choice {@code i}
 * continues prompt {@code i / choicesPerPrompt}.
 *
 * @param id for logs, traces and the client
 * @param prompts at least one, each of at least one token
 */
public record GenerationRequest(
    String id, List<TokenIds> prompts, int choicesPerPrompt, Settings settings) {

  public GenerationRequest {
    prompts = List.copyOf(prompts);
  }

  public int choices() {
    return prompts.size() * choicesPerPrompt;
  }

  public int promptTokens() {
    return prompts.stream().mapToInt(TokenIds::size).sum();
  }

  /** The sequence behind a choice. */
  TokenRequest choice(int index) {
    return new TokenRequest(
        choices() == 1 ? id : id + "-" + index,
        prompts.get(index / choicesPerPrompt),
        settings.forChoice(index % choicesPerPrompt));
  }
}
