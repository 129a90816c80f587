package dev.consilium.expertnode.wire;

import java.time.Duration;

/**
 * What one dispatch and one stream may ask for.
 *
 * @param tokens most tokens of a dispatch
 * @param messageBytes most bytes of a message, in either direction
 * @param streamBytes most bytes of a stream's dispatches and answers held at once; beyond it the
 *     stream is not read. One dispatch may be larger.
 * @param timeout how long a dispatch that names no time may wait
 * @param drainTimeout how long a drain that names no time may take
 */
public record WireLimits(
    int tokens, long messageBytes, long streamBytes, Duration timeout, Duration drainTimeout) {

  /** For what a message has beside its tensor's elements; a token of an expert takes up to 9. */
  private static final long ENVELOPE_BYTES = 1 << 10;

  public WireLimits {
    if (tokens < 1 || messageBytes < 1 || streamBytes < 1) {
      throw new IllegalArgumentException(
          "limits are %d tokens, %d and %d bytes, expected at least 1 each"
              .formatted(tokens, messageBytes, streamBytes));
    }
  }

  /** Most elements' bytes of one answer. */
  long answerBytes() {
    return messageBytes - ENVELOPE_BYTES;
  }
}
