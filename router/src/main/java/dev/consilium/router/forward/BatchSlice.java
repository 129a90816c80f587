package dev.consilium.router.forward;

import dev.consilium.router.kvcache.SequenceCache;
import io.opentelemetry.context.Context;

/**
 * Consecutive tokens of one sequence in a batch.
 *
 * @param cache the sequence's cache, with room for {@code from + count} tokens, of which {@code
 *     from} are filled
 * @param tokens the sequence's token ids from position 0 on; only {@code from .. from + count - 1}
 *     are read
 * @param from position of the first token to compute
 * @param count tokens to compute, at least 1
 * @param sequenceTokens tokens of the sequence that are known, {@code from + count} or more: models
 *     exist that turn the keys of long sequences otherwise
 * @param logits for which of them logits are wanted
 * @param expertTrace whether the experts chosen for the last token are wanted
 * @param trace parent of the spans of this slice's expert calls
 */
@SuppressWarnings("ArrayRecordComponent") // lives for one step; compared by nobody
public record BatchSlice(
    SequenceCache cache,
    int[] tokens,
    int from,
    int count,
    int sequenceTokens,
    Logits logits,
    boolean expertTrace,
    Context trace) {

  /** For which tokens of a slice logits are wanted. */
  public enum Logits {
    NONE,
    LAST,
    ALL
  }

  int logitsRows() {
    return switch (logits) {
      case NONE -> 0;
      case LAST -> 1;
      case ALL -> count;
    };
  }
}
