package dev.consilium.router.kvcache;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.tensor.KvBlocks;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SequenceCacheTest {
  private static final List<LayerCache> LAYERS =
      List.of(
          LayerCache.ofBlocks(4096),
          LayerCache.ofState(200),
          new LayerCache(640, LayerCache.ALL, 64));
  private static final int BLOCKS = 10;
  private static final int STATES = 3;

  private final KvPool pool = new KvPool(new CacheLayout(LAYERS), BLOCKS, STATES, 64);

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
    KvBlocks before = cache.layer(2);
    new SequenceCache(pool).reserve(16);
    cache.reserve(40);
    KvBlocks after = cache.layer(2);
    assertThat(after.offset(0)).isEqualTo(before.offset(0));
    assertThat(after.offset(1)).isEqualTo(before.offset(1));
  }

  @Test
  void layer_manySequences_noTwoPartsOverlap() {
    SplittableRandom random = new SplittableRandom(3);
    List<SequenceCache> caches = new ArrayList<>();
    for (int round = 0; round < 200; round++) {
      if (pool.freeBlocks() > 2 && pool.freeStates() > 0 && random.nextBoolean()) {
        SequenceCache cache = new SequenceCache(pool);
        cache.reserve(1 + random.nextInt(32));
        caches.add(cache);
      } else if (!caches.isEmpty()) {
        caches.remove(random.nextInt(caches.size())).release();
      }
      checkDisjoint(caches);
    }
  }

  @Test
  void state_longSequence_takesOneOfConstantSize() {
    SequenceCache cache = new SequenceCache(pool);
    cache.reserve(1);
    long bytes = cache.state(1).byteSize() + cache.state(2).byteSize();
    cache.reserve(16 * BLOCKS);
    assertThat(cache.state(1).byteSize() + cache.state(2).byteSize()).isEqualTo(bytes);
    assertThat(pool.freeStates()).isEqualTo(STATES - 1);
    cache.release();
    cache.release();
    assertThat(pool.freeStates()).isEqualTo(STATES);
  }

  @Test
  void state_manySequences_noTwoPartsOverlap() {
    List<SequenceCache> caches = new ArrayList<>();
    for (int i = 0; i < STATES; i++) {
      caches.add(new SequenceCache(pool));
      caches.getLast().reserve(1);
      caches.getLast().state(1).fill((byte) (2 * i));
      caches.getLast().state(2).fill((byte) (2 * i + 1));
    }
    for (int i = 0; i < STATES; i++) {
      assertThat(caches.get(i).state(1).toArray(JAVA_BYTE)).containsOnly(2 * i);
      assertThat(caches.get(i).state(2).toArray(JAVA_BYTE)).containsOnly(2 * i + 1);
    }
    assertThatThrownBy(() -> new SequenceCache(pool).reserve(1))
        .hasMessageContaining("planned more states than the 3 there are");
  }

  @Test
  void pass_notWhereTheStateStands_isRefused() {
    SequenceCache cache = new SequenceCache(pool);
    cache.reserve(16);
    cache.pass(0, 5);
    cache.pass(5, 2);
    assertThatThrownBy(() -> cache.pass(5, 1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("from position 5")
        .hasMessageContaining("seen 7 tokens");
    cache.pass(0, 3); // from the beginning is always possible
    cache.release();
    cache.reserve(16);
    assertThatThrownBy(() -> cache.pass(3, 1)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void restore_otherSequence_goesOnFromACopy() {
    SequenceCache one = new SequenceCache(pool);
    one.reserve(16);
    one.state(1).fill((byte) 7);
    one.state(2).fill((byte) 8);
    one.pass(0, 9);
    SequenceCache.Saved saved = one.save();
    one.state(1).fill((byte) 1);
    SequenceCache other = new SequenceCache(pool);
    other.restore(saved);
    assertThat(pool.freeStates()).isEqualTo(STATES - 2);
    assertThat(other.state(1).toArray(JAVA_BYTE)).containsOnly(7);
    assertThat(other.state(2).toArray(JAVA_BYTE)).containsOnly(8);
    other.pass(9, 1);
  }

  @Test
  void pass_layoutWithoutStates_mayBeginAnywhere() {
    try (KvPool plain = new KvPool(new CacheLayout(List.of(LayerCache.ofBlocks(64))), 2, 0, 32)) {
      SequenceCache cache = new SequenceCache(plain);
      cache.reserve(32);
      cache.pass(0, 20);
      cache.pass(10, 5);
      cache.restore(cache.save());
      cache.release();
      assertThat(plain.freeBlocks()).isEqualTo(2);
    }
  }

  @Test
  void reserve_tokenByToken_keepsOnlyTheWindow() {
    CacheLayout layout =
        new CacheLayout(List.of(LayerCache.ofBlocks(64), LayerCache.ofWindow(128, 40)));
    try (KvPool windowed = new KvPool(layout, 100, 1, 16)) {
      int all = windowed.freeWindowBlocks();
      assertThat(all).isEqualTo(6); // 3 for the window, 2 for its ends, 1 for the step
      SequenceCache cache = new SequenceCache(windowed);
      for (int at = 0; at < 1600; at++) {
        cache.reserve(at + 1);
        int held = all - windowed.freeWindowBlocks();
        assertThat(held).isEqualTo(at / 16 - Math.max(0, at - 39) / 16 + 1);
        cache.computed(at + 1);
      }
      assertThat(cache.blocks()).isEqualTo(100);
      cache.release();
      assertThat(windowed.freeWindowBlocks()).isEqualTo(all);
      assertThat(windowed.freeBlocks()).isEqualTo(100);
    }
  }

  @Test
  void reserve_anySequencesAndSteps_findBlocksOfWindows() {
    SplittableRandom random = new SplittableRandom(5);
    for (int round = 0; round < 50; round++) {
      int window = 1 + random.nextInt(100);
      int sequences = 1 + random.nextInt(8);
      int stepTokens = 1 + random.nextInt(100);
      CacheLayout layout = new CacheLayout(List.of(LayerCache.ofWindow(64, window)));
      try (KvPool windowed = new KvPool(layout, 10_000, sequences, stepTokens)) {
        List<SequenceCache> caches = new ArrayList<>();
        int[] computed = new int[sequences];
        for (int i = 0; i < sequences; i++) {
          caches.add(new SequenceCache(windowed));
        }
        for (int step = 0; step < 100; step++) {
          int left = stepTokens;
          for (int i = 0; i < sequences; i++) {
            int count = random.nextInt(left + 1);
            computed[i] += count;
            caches.get(i).reserve(computed[i]);
            left -= count;
          }
          for (int i = 0; i < sequences; i++) {
            caches.get(i).computed(computed[i]);
          }
        }
      }
    }
  }

  @Test
  void computed_fewerThanBefore_isRefusedUntilTheRelease() {
    CacheLayout layout = new CacheLayout(List.of(LayerCache.ofWindow(64, 16)));
    try (KvPool windowed = new KvPool(layout, 10, 1, 160)) {
      SequenceCache cache = new SequenceCache(windowed);
      cache.reserve(100);
      cache.computed(100);
      assertThatThrownBy(() -> cache.computed(30))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("block 0 of a sequence is needed again");
      cache.release();
      cache.reserve(31);
      cache.computed(30);
    }
  }

  @Test
  void restore_window_bringsBackWhatLaterTokensPushedOut() {
    CacheLayout layout =
        new CacheLayout(List.of(LayerCache.ofWindow(64, 20), LayerCache.ofBlocks(64)));
    try (KvPool windowed = new KvPool(layout, 20, 2, 160)) {
      SequenceCache cache = new SequenceCache(windowed);
      cache.reserve(65);
      cache.computed(65);
      fill(windowed, cache, 3, (byte) 3);
      fill(windowed, cache, 4, (byte) 4);
      SequenceCache.Saved saved = cache.save();
      cache.reserve(141);
      cache.computed(140);
      fill(windowed, cache, 8, (byte) 9);
      for (SequenceCache restored : List.of(cache, new SequenceCache(windowed))) {
        restored.restore(saved);
        assertThat(block(windowed, restored, 3)).containsOnly(3);
        assertThat(block(windowed, restored, 4)).containsOnly(4);
        restored.reserve(66);
        restored.computed(66);
      }
    }
  }

  private static void fill(KvPool pool, SequenceCache cache, int block, byte value) {
    pool.windows().memory().asSlice(cache.layer(0).offset(block), 64).fill(value);
  }

  private static byte[] block(KvPool pool, SequenceCache cache, int block) {
    return pool.windows().memory().asSlice(cache.layer(0).offset(block), 64).toArray(JAVA_BYTE);
  }

  private void checkDisjoint(List<SequenceCache> caches) {
    Set<Long> floats = new HashSet<>();
    long wanted = 0;
    for (SequenceCache cache : caches) {
      for (int layer = 0; layer < LAYERS.size(); layer++) {
        KvBlocks blocks = cache.layer(layer);
        for (int block = 0; block < cache.blocks(); block++) {
          int size = (int) LAYERS.get(layer).blockBytes() / Float.BYTES;
          wanted += size;
          for (long at = 0; at < size; at++) {
            floats.add(blocks.offset(block) / Float.BYTES + at);
          }
        }
      }
    }
    assertThat(floats).hasSize((int) wanted);
    assertThat(floats).allMatch(at -> at * Float.BYTES < pool.whole().memory().byteSize());
  }
}
