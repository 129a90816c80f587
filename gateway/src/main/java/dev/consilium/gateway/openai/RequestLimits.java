package dev.consilium.gateway.openai;

import dev.consilium.gateway.generation.Sampling;

/**
 * What a request is read against.
 *
 * @param vocabularySize ids in prompts and biases are below this
 * @param defaults sampling where the request says nothing
 */
public record RequestLimits(int vocabularySize, Sampling defaults) {

  /** Most choices of one prompt. */
  static final int CHOICES = 8;

  /** Most prompts in one completion request. */
  static final int PROMPTS = 64;

  /** Most messages in one chat request. */
  static final int MESSAGES = 4096;

  /** Most text parts in one message. */
  static final int PARTS = 1024;
}
