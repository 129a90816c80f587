package dev.consilium.cli.inspect;

import dev.consilium.model.family.AllKeys;
import dev.consilium.model.family.AttentionSpec;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.KeyChunks;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.model.family.SlidingWindow;
import dev.consilium.router.forward.ForwardPass;
import dev.consilium.router.kvcache.CacheLayout;
import dev.consilium.router.kvcache.KvPool;
import dev.consilium.router.kvcache.LayerCache;
import dev.consilium.tensor.KvDType;
import java.util.OptionalInt;

/** What a model keeps of a sequence, with scales and what fills up vectors. */
final class CacheSizes {

  private final ModelSpec spec;

  CacheSizes(ModelSpec spec) {
    this.spec = spec;
  }

  /** Keys and values of one token, over all layers. */
  long bytesPerToken(KvDType dtype) {
    return ForwardPass.cacheLayout(spec, dtype).blockBytes() / KvPool.BLOCK_TOKENS;
  }

  /** The part of {@link #bytesPerToken} in layers that look back at only so many tokens. */
  long limitedBytesPerToken(KvDType dtype) {
    CacheLayout layout = ForwardPass.cacheLayout(spec, dtype);
    return spec.layers().stream()
        .filter(layer -> reach(layer.attention()).isPresent())
        .mapToLong(layer -> perToken(layout.layers().get(layer.index())))
        .sum();
  }

  /** Keys and values that a sequence as long as the context still looks at, over all layers. */
  long reachableBytes(KvDType dtype) {
    CacheLayout layout = ForwardPass.cacheLayout(spec, dtype);
    return spec.layers().stream()
        .mapToLong(layer -> {
          int reach = reach(layer.attention()).orElse(spec.contextLength());
          int tokens = Math.min(reach, spec.contextLength());
          return tokens * perToken(layout.layers().get(layer.index()));
        })
        .sum();
  }

  /** State of recurrent layers, of a sequence of any length. */
  long stateBytes() {
    return ForwardPass.cacheLayout(spec, KvDType.F32).stateBytes();
  }

  private static long perToken(LayerCache layer) {
    return layer.blockBytes() / KvPool.BLOCK_TOKENS;
  }

  private static OptionalInt reach(AttentionSpec attention) {
    return switch (attention) {
      case GroupedQueryAttention grouped ->
          switch (grouped.keys()) {
            case AllKeys() -> OptionalInt.empty();
            case SlidingWindow(int keys) -> OptionalInt.of(keys);
            case KeyChunks(int size) -> OptionalInt.of(size);
          };
      case LatentAttention _, RecurrentAttention _ -> OptionalInt.empty();
    };
  }
}
