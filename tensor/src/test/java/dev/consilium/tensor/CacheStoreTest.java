package dev.consilium.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.consilium.testkit.Seeds;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class CacheStoreTest {
  private final Random random = new Random(Seeds.seed());

  /** One head of one token, stored as key and as value; what the cache then holds. */
  private static float[] stored(KvDType dtype, float... row) {
    AttentionShape shape = new AttentionShape(1, 1, row.length, 1, dtype);
    KvBlocks cache = KvBlocks.of(Arena.ofAuto().allocate(shape.blockBytes(), 64), 0);
    MemorySegment source = F32Vector.of(row).segment();
    Kernels.scalar().storeKeyValue(shape, cache, 5, 1, source, 0, 0, 0);
    float[] key = new float[row.length];
    float[] value = new float[row.length];
    CacheElements.readKey(shape, cache.pool(), shape.keyOffset(0), 5, key);
    CacheElements.readValue(shape, cache.pool(), shape.valueOffset(0), 5, value);
    assertThat(value).containsExactly(key);
    return key;
  }

  /**
   * Half a step of a number just above a power of two; half of a 127th of the largest of a group.
   */
  @ParameterizedTest
  @CsvSource({"F32, 0, 0", "F16, 0x1p-11, 0", "BF16, 0x1p-8, 0", "Q8_0, 0, 0.00394"})
  void store_ordinaryNumbers_areNear(KvDType dtype, double relative, double ofLargest) {
    for (int n : new int[] {1, 7, 31, 32, 33, 80, 128}) {
      float[] row = new float[n];
      for (int d = 0; d < n; d++) {
        row[d] = Samples.normal(random);
      }
      float[] stored = stored(dtype, row);
      for (int d = 0; d < n; d++) {
        double largest = 0;
        for (int i = d / 32 * 32; i < Math.min(n, d / 32 * 32 + 32); i++) {
          largest = Math.max(largest, Math.abs(row[i]));
        }
        double bound = Math.abs(row[d]) * relative * 1.0001 + largest * ofLargest;
        assertThat((double) stored[d]).isCloseTo(row[d], within(bound));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void store_finiteNumbersBeyondTheRange_stayFinite(KvDType dtype) {
    float[] stored = stored(dtype, Float.MAX_VALUE, -Float.MAX_VALUE, 65520, -1e30f);
    for (float element : stored) {
      assertThat(element).isFinite();
    }
    assertThat(stored[0]).isPositive();
    assertThat(stored[1]).isEqualTo(-stored[0]);
    if (dtype == KvDType.F16) {
      assertThat(stored).containsExactly(65504, -65504, 65504, -65504);
    }
  }

  @ParameterizedTest
  @EnumSource
  void store_infinitiesAndNan_stayNotFinite(KvDType dtype) {
    for (float wrong : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      float[] row = new float[40];
      row[3] = wrong;
      float[] stored = stored(dtype, row);
      assertThat(Float.isFinite(stored[3])).isFalse();
      assertThat(stored[35]).isZero();
    }
  }

  @ParameterizedTest
  @EnumSource
  void store_tinyNumbers_areFinite(KvDType dtype) {
    for (float element : stored(dtype, Float.MIN_VALUE, -0x1p-119f, 0, 1e-40f)) {
      assertThat(Math.abs(element)).isLessThanOrEqualTo(0x1p-119f);
    }
  }

  @Test
  void store_q8_roundsTiesToEven() {
    assertThat(stored(KvDType.Q8_0, 127, 0.5f, 1.5f, -2.5f, 126.5f))
        .containsExactly(127, 0, 2, -2, 126);
  }

  @ParameterizedTest
  @EnumSource
  void store_manyTokens_sameAsOneByOne(KvDType dtype) {
    AttentionShape shape = new AttentionShape(2, 2, 40, 1, dtype);
    int width = 80;
    F32Matrix source = Samples.matrix(random, 30, 2 * width, Samples::finite);
    MemorySegment together = Arena.ofAuto().allocate(3 * shape.blockBytes(), 64);
    MemorySegment single = Arena.ofAuto().allocate(3 * shape.blockBytes(), 64);
    long[] offsets = {2 * shape.blockBytes(), 0, shape.blockBytes()};
    Kernels kernels = Kernels.best();
    long stride = source.rowStrideBytes();
    kernels.storeKeyValue(
        shape, KvBlocks.of(together, offsets), 9, 30, source.segment(), 0, width * 4L, stride);
    for (int token = 0; token < 30; token++) {
      long at = source.offset(token);
      kernels.storeKeyValue(
          shape,
          KvBlocks.of(single, offsets),
          9 + token,
          1,
          source.segment(),
          at,
          at + width * 4L,
          0);
    }
    assertThat(together.mismatch(single)).isEqualTo(-1);
  }

  @Test
  void store_positionsOutsideTheCache_areRefused() {
    AttentionShape shape = new AttentionShape(1, 1, 8, 1, KvDType.F16);
    KvBlocks cache = KvBlocks.of(Arena.ofAuto().allocate(shape.blockBytes(), 64), 0);
    MemorySegment source = Arena.ofAuto().allocate(1024, 64);
    assertThatThrownBy(() -> Kernels.best().storeKeyValue(shape, cache, 10, 7, source, 0, 32, 32))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> Kernels.best().storeKeyValue(shape, cache, -1, 1, source, 0, 32, 32))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("position -1");
  }
}
