package dev.consilium.cli.inspect;

import dev.consilium.model.family.ModelSpec;
import dev.consilium.router.forward.ForwardPass;
import dev.consilium.router.kvcache.CacheLayout;
import dev.consilium.router.kvcache.KvPool;
import dev.consilium.router.kvcache.LayerCache;
import dev.consilium.tensor.KvDType;

/** What a model keeps of a sequence, with scales and what fills up vectors. */
final class CacheSizes {

  private final ModelSpec spec;

  CacheSizes(ModelSpec spec) {
    this.spec = spec;
  }

  /** Keys and values of one token, over all layers. */
  long bytesPerToken(KvDType dtype) {
    CacheLayout layout = ForwardPass.cacheLayout(spec, dtype);
    return (layout.blockBytes() + layout.windowBlockBytes()) / KvPool.BLOCK_TOKENS;
  }

  /** The part of {@link #bytesPerToken} in layers that keep a window only. */
  long windowedBytesPerToken(KvDType dtype) {
    return ForwardPass.cacheLayout(spec, dtype).windowBlockBytes() / KvPool.BLOCK_TOKENS;
  }

  /** Keys and values that are kept of a sequence as long as the context, over all layers. */
  long fullContextBytes(KvDType dtype) {
    return ForwardPass.cacheLayout(spec, dtype).layers().stream().mapToLong(this::keptBytes).sum();
  }

  private long keptBytes(LayerCache layer) {
    long perToken = layer.blockBytes() / KvPool.BLOCK_TOKENS;
    return Math.min(layer.window(), spec.contextLength()) * perToken;
  }

  /** State of recurrent layers, of a sequence of any length. */
  long stateBytes() {
    return ForwardPass.cacheLayout(spec, KvDType.F32).stateBytes();
  }
}
