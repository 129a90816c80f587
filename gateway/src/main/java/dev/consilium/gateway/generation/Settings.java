package dev.consilium.gateway.generation;

import java.util.List;
import java.util.OptionalInt;

/**
 * What a client asks of a generation beside its prompt.
 *
 * @param maxTokens most tokens to generate, at least 1; empty: up to the context length
 * @param stopTexts texts that end generation and are not part of the answer
 * @param ignoreEndOfText generate on through the model's end-of-text tokens
 * @param topLogprobs log-probabilities of each token and of this many alternatives; empty: none
 * @param expertTrace tell the experts chosen for each token
 */
public record Settings(
    OptionalInt maxTokens,
    Sampling sampling,
    List<String> stopTexts,
    boolean ignoreEndOfText,
    OptionalInt topLogprobs,
    boolean expertTrace) {

  /** Most stop texts in a request. */
  public static final int STOP_TEXTS_LIMIT = 16;

  /** Longest stop text, in characters: what may be held back from the client. */
  public static final int STOP_TEXT_LENGTH_LIMIT = 1024;

  /** Most alternatives told for each token. */
  public static final int TOP_LOGPROBS_LIMIT = 20;

  /** Most biased tokens in a request. */
  public static final int LOGIT_BIAS_LIMIT = 1024;

  public Settings {
    stopTexts = List.copyOf(stopTexts);
  }

  /** For the choice of this index: the same but for the seed. */
  public Settings forChoice(int index) {
    return new Settings(
        maxTokens, sampling.forChoice(index), stopTexts, ignoreEndOfText, topLogprobs, expertTrace);
  }
}
