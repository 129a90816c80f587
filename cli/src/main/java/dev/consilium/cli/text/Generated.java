package dev.consilium.cli.text;

import java.time.Duration;

/**
 * What one generation came to.
 *
 * @param finishReason {@code stop} or {@code length}
 * @param firstToken from the request to the first piece of text
 * @param total from the request to the end
 */
public record Generated(
    String text,
    int promptTokens,
    int completionTokens,
    String finishReason,
    Duration firstToken,
    Duration total) {

  /**
   * Tokens that went through the layers: the last one does not, unless a stop token was drawn after
   * it.
   */
  public int computedTokens() {
    return promptTokens + completionTokens - (finishReason.equals("stop") ? 0 : 1);
  }

  /** For people: {@code 87 tokens in 0.92 s (first after 0.11 s, 106.2 tokens/s)}. */
  public String timing() {
    double seconds = total.toNanos() / 1e9;
    double first = firstToken.toNanos() / 1e9;
    double decode = seconds - first;
    String rate =
        completionTokens > 1 && decode > 0
            ? ", then %.1f tokens/s".formatted((completionTokens - 1) / decode)
            : "";
    return "%d prompt tokens, %d generated in %.2f s (first after %.2f s%s)"
        .formatted(promptTokens, completionTokens, seconds, first, rate);
  }
}
