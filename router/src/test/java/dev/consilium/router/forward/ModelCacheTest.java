package dev.consilium.router.forward;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.router.kvcache.CacheLayout;
import dev.consilium.router.kvcache.KvPool;
import dev.consilium.router.kvcache.LayerCache;
import dev.consilium.tensor.KvDType;
import dev.consilium.testkit.Fixtures;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the layers of models keep of a sequence. */
class ModelCacheTest {
  /** Vectors of the cache are filled up to this many values. */
  private static final int PADDING = 16;

  private static final int ALL = LayerCache.ALL;

  @ParameterizedTest
  @ValueSource(strings = {"deepseek-v2", "deepseek-v2-lite", "deepseek-v3", "glm4_moe_lite"})
  void cacheLayout_latentAttention_keepsOneNarrowVectorOfEachToken(String model) {
    ModelSpec spec = spec(model);
    CacheLayout layout = ForwardPass.cacheLayout(spec, KvDType.F32);
    for (LayerSpec layer : spec.layers()) {
      LatentAttention latent = (LatentAttention) layer.attention();
      int width = latent.keyValueRank() + latent.sharedDim();
      assertThat(layout.layers().get(layer.index()).blockBytes() / KvPool.BLOCK_TOKENS)
          .isBetween((long) width * Float.BYTES, (long) (width + PADDING) * Float.BYTES)
          .isLessThan((long) latent.heads() * latent.queryDim() * Float.BYTES);
    }
  }

  @Test
  void cacheLayout_slidingLayers_keepTheirWindow() {
    CacheLayout layout = ForwardPass.cacheLayout(spec("gpt-oss"), KvDType.F16);
    assertThat(layout.layers()).extracting(LayerCache::window).containsExactly(12, ALL, 12, ALL);
    assertThat(layout.window()).isEqualTo(12);
    // Of a context of 512 tokens and one sequence that decodes: the window may straddle blocks.
    assertThat(layout.byteSize(512 / KvPool.BLOCK_TOKENS, 1, 1))
        .isEqualTo(32 * layout.blockBytes() + 4 * layout.windowBlockBytes());
  }

  @Test
  void cacheLayout_chunks_keepOneChunk() {
    CacheLayout layout = ForwardPass.cacheLayout(spec("llama4-text"), KvDType.F16);
    assertThat(layout.layers()).extracting(LayerCache::window).containsExactly(16, 16, 16, ALL);
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen3-next", "granitemoehybrid"})
  void cacheLayout_recurrentLayers_keepAStateAndNoTokens(String model) {
    ModelSpec spec = spec(model);
    CacheLayout layout = ForwardPass.cacheLayout(spec, KvDType.F16);
    for (LayerSpec layer : spec.layers()) {
      boolean recurrent = layer.attention() instanceof RecurrentAttention;
      LayerCache kept = layout.layers().get(layer.index());
      assertThat(kept.blockBytes() == 0).isEqualTo(recurrent);
      assertThat(kept.stateBytes() > 0).isEqualTo(recurrent);
    }
    assertThat(layout.byteSize(100, 3, 16) - layout.byteSize(50, 3, 16))
        .isEqualTo(50 * layout.blockBytes());
  }

  private static ModelSpec spec(String model) {
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model(model))) {
      return checkpoint.spec();
    }
  }
}
