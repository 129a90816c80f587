package dev.consilium.gateway.openai;

import dev.consilium.gateway.generation.TokenIds;

/** What a completion continues. */
public sealed interface Prompt {

  /** Text still to be tokenised. */
  record Text(String text) implements Prompt {}

  /** Tokens, taken as they are. */
  record Tokens(TokenIds ids) implements Prompt {}
}
