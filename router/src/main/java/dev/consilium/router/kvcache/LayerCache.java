package dev.consilium.router.kvcache;

/**
 * What a layer keeps of a sequence.
 *
 * @param blockBytes for every {@value KvPool#BLOCK_TOKENS} tokens: keys and values
 * @param stateBytes once, however many tokens there are: the state of a recurrence
 */
public record LayerCache(long blockBytes, long stateBytes) {
  /** Keys and values of every token. */
  public static LayerCache ofBlocks(long blockBytes) {
    return new LayerCache(blockBytes, 0);
  }

  /** A state that every token changes. */
  public static LayerCache ofState(long stateBytes) {
    return new LayerCache(0, stateBytes);
  }
}
