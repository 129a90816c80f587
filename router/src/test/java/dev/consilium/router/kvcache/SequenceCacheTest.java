package dev.consilium.router.kvcache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.tensor.AttentionShape;
import dev.consilium.tensor.KvBlocks;
import dev.consilium.tensor.KvDType;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SequenceCacheTest {
  private static final List<AttentionShape> SHAPES =
      List.of(
          new AttentionShape(4, 2, 16, 1, KvDType.F32),
          new AttentionShape(4, 1, 8, 1, KvDType.Q8_0));
  private static final int BLOCKS = 10;

  private final KvPool pool = new KvPool(SHAPES, BLOCKS);

  @AfterEach
  void close() {
    pool.close();
  }

  @Test
  void blocksFor_tokens_roundsUp() {
    assertThat(KvPool.blocksFor(0)).isZero();
    assertThat(KvPool.blocksFor(1)).isEqualTo(1);
    assertThat(KvPool.blocksFor(16)).isEqualTo(1);
    assertThat(KvPool.blocksFor(17)).isEqualTo(2);
  }

  @Test
  void reserve_moreTokens_takesOnlyTheMissingBlocks() {
    SequenceCache cache = new SequenceCache(pool);
    cache.reserve(16);
    assertThat(cache.blocks()).isEqualTo(1);
    cache.reserve(16);
    assertThat(cache.blocks()).isEqualTo(1);
    cache.reserve(100); // more than its first array holds
    assertThat(cache.blocks()).isEqualTo(7);
    assertThat(pool.freeBlocks()).isEqualTo(3);
    cache.reserve(1);
    assertThat(cache.blocks()).isEqualTo(7);
  }

  @Test
  void reserve_emptyPool_isRefusedAndKeepsWhatItHas() {
    SequenceCache cache = new SequenceCache(pool);
    assertThatThrownBy(() -> cache.reserve(16 * BLOCKS + 1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("KV pool is empty");
    assertThat(pool.freeBlocks()).isZero();
    cache.release();
    assertThat(pool.freeBlocks()).isEqualTo(BLOCKS);
  }

  @Test
  void release_twice_givesBackOnce() {
    SequenceCache cache = new SequenceCache(pool);
    cache.reserve(40);
    cache.release();
    cache.release();
    assertThat(cache.blocks()).isZero();
    assertThat(pool.freeBlocks()).isEqualTo(BLOCKS);
  }

  @Test
  void layer_grownCache_keepsOffsetsOfItsFirstBlocks() {
    SequenceCache cache = new SequenceCache(pool);
    cache.reserve(20);
    KvBlocks before = cache.layer(1);
    new SequenceCache(pool).reserve(16);
    cache.reserve(40);
    KvBlocks after = cache.layer(1);
    assertThat(after.offset(0)).isEqualTo(before.offset(0));
    assertThat(after.offset(1)).isEqualTo(before.offset(1));
  }

  @Test
  void layer_manySequences_noTwoPartsOverlap() {
    SplittableRandom random = new SplittableRandom(3);
    List<SequenceCache> caches = new ArrayList<>();
    for (int round = 0; round < 200; round++) {
      if (pool.freeBlocks() > 2 && random.nextBoolean()) {
        SequenceCache cache = new SequenceCache(pool);
        cache.reserve(1 + random.nextInt(32));
        caches.add(cache);
      } else if (!caches.isEmpty()) {
        caches.remove(random.nextInt(caches.size())).release();
      }
      checkDisjoint(caches);
    }
  }

  private void checkDisjoint(List<SequenceCache> caches) {
    Set<Long> floats = new HashSet<>();
    long wanted = 0;
    for (SequenceCache cache : caches) {
      for (int layer = 0; layer < SHAPES.size(); layer++) {
        KvBlocks blocks = cache.layer(layer);
        for (int block = 0; block < cache.blocks(); block++) {
          int size = (int) SHAPES.get(layer).blockBytes() / Float.BYTES;
          wanted += size;
          for (long at = 0; at < size; at++) {
            floats.add(blocks.offset(block) / Float.BYTES + at);
          }
        }
      }
    }
    assertThat(floats).hasSize((int) wanted);
    assertThat(floats).allMatch(at -> at * Float.BYTES < pool.memory().byteSize());
  }
}
