package dev.consilium.router.kvcache;

/**
 * What a layer keeps of a sequence.
 *
 * @param blockBytes for every {@value KvPool#BLOCK_TOKENS} tokens: keys and values
 * @param window how many of the last tokens a token sees, its own included; only those stay in the
 *     cache
 * @param stateBytes once, however many tokens there are: the state of a recurrence
 */
public record LayerCache(long blockBytes, int window, long stateBytes) {
  /** The window of layers that see all tokens. */
  public static final int ALL = Integer.MAX_VALUE;

  /** Of a layer that looks at no other token. */
  public static final LayerCache NOTHING = new LayerCache(0, ALL, 0);

  public LayerCache {
    if (blockBytes < 0 || window < 1 || stateBytes < 0) {
      throw new IllegalArgumentException(
          "blocks of %d bytes, a window of %d tokens, a state of %d bytes"
              .formatted(blockBytes, window, stateBytes));
    }
  }

  /** Keys and values of every token. */
  public static LayerCache ofBlocks(long blockBytes) {
    return new LayerCache(blockBytes, ALL, 0);
  }

  /** Keys and values of the last tokens. */
  public static LayerCache ofWindow(long blockBytes, int window) {
    return new LayerCache(blockBytes, window, 0);
  }

  /** A state that every token changes. */
  public static LayerCache ofState(long stateBytes) {
    return new LayerCache(0, ALL, stateBytes);
  }

  boolean windowed() {
    return window != ALL;
  }
}
