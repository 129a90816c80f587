package dev.consilium.gateway.generation;

/** Why a choice ended. */
public enum FinishReason {
  /** A stop text, or a token that ends the turn. */
  STOP,
  /** The most tokens asked for, or the context length. */
  LENGTH
}
