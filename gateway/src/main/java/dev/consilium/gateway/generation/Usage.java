package dev.consilium.gateway.generation;

import java.util.List;

/**
 * The tokens of a request.
 *
 * @param promptTokens each prompt counted once, however many choices continue it
 * @param completionTokens of all choices
 * @param cachedTokens prompt tokens that did not need computing
 */
public record Usage(int promptTokens, int completionTokens, int cachedTokens) {
  /** Of a request whose choices are complete. */
  public static Usage of(GenerationRequest request, List<Completion> choices) {
    int cached = 0;
    for (int i = 0; i < choices.size(); i += request.choicesPerPrompt()) {
      cached += choices.get(i).cachedTokens();
    }
    return new Usage(
        request.promptTokens(),
        choices.stream().mapToInt(Completion::completionTokens).sum(),
        Math.min(cached, request.promptTokens()));
  }

  public int totalTokens() {
    return promptTokens + completionTokens;
  }
}
