package dev.consilium.router.kvcache;

import java.util.List;
import java.util.function.ToLongFunction;

/**
 * How much a model keeps of a sequence: the parts of all layers lie one behind the other, in each
 * block of tokens and in the sequence's state.
 *
 * @param layers by index
 */
public record CacheLayout(List<LayerCache> layers) {
  private static final long ALIGNMENT = 64;

  public CacheLayout {
    layers = List.copyOf(layers);
  }

  /** Bytes of a block, all layers together. */
  public long blockBytes() {
    return end(LayerCache::blockBytes);
  }

  /** Bytes of a sequence's state, all layers together; 0: no layer has one. */
  public long stateBytes() {
    return end(LayerCache::stateBytes);
  }

  /** Bytes of memory that a pool takes once all of its blocks and states have been used. */
  public long byteSize(int blocks, int states) {
    return Math.addExact(
        Math.multiplyExact(blockBytes(), (long) blocks),
        Math.multiplyExact(stateBytes(), (long) states));
  }

  long[] blockOffsets() {
    return offsets(LayerCache::blockBytes);
  }

  long[] stateOffsets() {
    return offsets(LayerCache::stateBytes);
  }

  /** Where the part of each layer begins, and behind them where the last one ends. */
  private long[] offsets(ToLongFunction<LayerCache> size) {
    long[] offsets = new long[layers.size() + 1];
    for (int layer = 0; layer < layers.size(); layer++) {
      long bytes = size.applyAsLong(layers.get(layer));
      offsets[layer + 1] = offsets[layer] + Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    }
    return offsets;
  }

  private long end(ToLongFunction<LayerCache> size) {
    return offsets(size)[layers.size()];
  }
}
