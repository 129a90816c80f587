package dev.consilium.gateway.generation;

import java.time.Duration;

/**
 * How a choice ended.
 *
 * @param completionTokens tokens the router sent until then, those of a stop text included
 * @param cachedTokens prompt tokens the router had in its cache, as far as it said
 */
public record Completion(
    FinishReason reason, int completionTokens, int cachedTokens, Timing timing) {

  /**
   * How long it took, from the start of the request.
   *
   * @param firstToken until the first token, or the end if there was none
   * @param total until the end
   */
  public record Timing(Duration firstToken, Duration total) {}
}
