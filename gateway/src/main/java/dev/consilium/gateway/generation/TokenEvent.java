package dev.consilium.gateway.generation;

/** What a router's stream brings. */
public sealed interface TokenEvent permits SampledToken, TokenEvent.End {

  /**
   * The end of a stream that did not fail.
   *
   * @param cachedTokens prompt tokens whose keys and values the router had
   */
  record End(FinishReason reason, int cachedTokens) implements TokenEvent {}
}
