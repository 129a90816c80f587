package dev.consilium.gateway.generation;

/**
 * The tokens of a request.
 *
 * @param promptTokens each prompt counted once, however many choices continue it
 * @param completionTokens of all choices
 * @param cachedTokens prompt tokens that did not need computing
 */
public record Usage(int promptTokens, int completionTokens, int cachedTokens) {
  public int totalTokens() {
    return promptTokens + completionTokens;
  }
}
