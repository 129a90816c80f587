package dev.consilium.router.kvcache;

import java.util.List;
import java.util.function.ToLongFunction;

/**
 * How much a model keeps of a sequence: the parts of all layers lie one behind the other, in each
 * block of tokens and in the sequence's state. Layers that see a window only have blocks of their
 * own, which a sequence gives back when no token will see them any more.
 *
 * @param layers by index
 */
public record CacheLayout(List<LayerCache> layers) {
  private static final long ALIGNMENT = 64;

  public CacheLayout {
    layers = List.copyOf(layers);
  }

  /** Bytes of a block, all layers together that keep every token. */
  public long blockBytes() {
    return end(CacheLayout::wholeBytes);
  }

  /** Bytes of a block, all layers together that keep a window. */
  public long windowBlockBytes() {
    return end(CacheLayout::windowBytes);
  }

  /** The widest window of a layer, in tokens; 0: no layer has one. */
  public int window() {
    return layers.stream()
        .filter(LayerCache::windowed)
        .mapToInt(LayerCache::window)
        .max()
        .orElse(0);
  }

  /** Bytes of a sequence's state, all layers together; 0: no layer has one. */
  public long stateBytes() {
    return end(LayerCache::stateBytes);
  }

  /**
   * Blocks of windows with which no sequence ever waits for one: each keeps what its next token
   * sees, and takes what the tokens of one step need.
   *
   * @param blocks for the layers that keep every token: no sequence has more of a window
   * @param sequences at once
   * @param stepTokens most tokens of all sequences in one step
   */
  public int windowBlocks(int blocks, int sequences, int stepTokens) {
    if (window() == 0) {
      return 0;
    }
    // A window and a step may each begin and end inside of a block.
    long kept = (long) sequences * (KvPool.blocksFor(window()) + 2);
    return (int) Math.min(blocks, kept + KvPool.blocksFor(stepTokens));
  }

  /** Bytes of memory that a pool takes once all that it has has been used. */
  public long byteSize(int blocks, int sequences, int stepTokens) {
    long whole = Math.multiplyExact(blockBytes(), (long) blocks);
    long windows =
        Math.multiplyExact(windowBlockBytes(), (long) windowBlocks(blocks, sequences, stepTokens));
    long states = Math.multiplyExact(stateBytes(), (long) sequences);
    return Math.addExact(whole, Math.addExact(windows, states));
  }

  boolean windowed(int layer) {
    return layers.get(layer).windowed();
  }

  /** Where the part of each layer begins in the blocks that it uses. */
  long[] blockOffsets() {
    long[] whole = offsets(CacheLayout::wholeBytes);
    long[] windows = offsets(CacheLayout::windowBytes);
    for (int layer = 0; layer < layers.size(); layer++) {
      if (windowed(layer)) {
        whole[layer] = windows[layer];
      }
    }
    return whole;
  }

  long[] stateOffsets() {
    return offsets(LayerCache::stateBytes);
  }

  private static long wholeBytes(LayerCache layer) {
    return layer.windowed() ? 0 : layer.blockBytes();
  }

  private static long windowBytes(LayerCache layer) {
    return layer.windowed() ? layer.blockBytes() : 0;
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
