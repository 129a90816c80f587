package dev.consilium.gateway.openai;

import dev.consilium.gateway.generation.Settings;

/**
 * What chat and completion requests share.
 *
 * @param model the name the client gave
 * @param choices answers to each prompt, at least 1
 */
public record CommonOptions(String model, int choices, Settings settings, Streaming streaming) {

  /** How the answer comes. */
  public enum Streaming {
    /** As one body. */
    OFF,
    /** As events. */
    ON,
    /** As events, the last of which tells the number of tokens. */
    WITH_USAGE;

    public boolean on() {
      return this != OFF;
    }
  }
}
