package dev.consilium.router.scheduling;

import dev.consilium.router.sampling.SamplingParameters;
import io.opentelemetry.context.Context;
import java.util.OptionalInt;
import java.util.Set;

/**
 * What a caller wants generated.
 *
 * @param prompt token ids, at least one; not copied, must not change
 * @param maxTokens most tokens to generate, at least 1
 * @param stopTokens tokens that end generation and are not sent
 * @param sampling how tokens are drawn
 * @param extras what to send beside the tokens
 * @param trace the caller's trace context; {@link Context#root()} for none
 */
@SuppressWarnings("ArrayRecordComponent") // one owner; compared by nobody
public record GenerationRequest(
    int[] prompt,
    int maxTokens,
    Set<Integer> stopTokens,
    SamplingParameters sampling,
    Extras extras,
    Context trace) {

  /**
   * What to send beside the tokens.
   *
   * @param topLogprobs list this many likeliest tokens and the token's own log-probability; empty:
   *     none
   * @param expertTrace the experts chosen for each generated token
   */
  public record Extras(OptionalInt topLogprobs, boolean expertTrace) {
    public static final Extras NONE = new Extras(OptionalInt.empty(), false);
  }

  public GenerationRequest {
    if (prompt.length == 0) {
      throw new IllegalArgumentException("the prompt has no tokens: at least 1 is needed");
    }
    if (maxTokens < 1) {
      throw new IllegalArgumentException("max_tokens is " + maxTokens + ": must be 1 or more");
    }
    stopTokens = Set.copyOf(stopTokens);
  }

  /** A greedy request without extras. */
  public static GenerationRequest greedy(int[] prompt, int maxTokens, Set<Integer> stopTokens) {
    return new GenerationRequest(
        prompt, maxTokens, stopTokens, SamplingParameters.GREEDY, Extras.NONE, Context.root());
  }
}
