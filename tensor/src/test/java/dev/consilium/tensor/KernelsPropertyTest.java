package dev.consilium.tensor;

import dev.consilium.testkit.Seeds;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Scalar = vector, bit for bit, at this machine's vector length. */
class KernelsPropertyTest {
  private final Random random = new Random(Seeds.seed());

  @Test
  void elementwise_everyLengthTo130_sameBits() {
    for (int n = 1; n <= 130; n++) {
      KernelParity.elementwise(random, n, Samples::finite);
      KernelParity.elementwise(random, n, Samples::normal);
    }
  }

  @Test
  void elementwise_infinitiesAndNan_sameBits() {
    for (int n = 1; n <= 130; n++) {
      KernelParity.elementwise(random, n, Samples::any);
    }
  }

  @Test
  void recur_everyColumnCountTo150_sameBits() {
    for (int columns = 1; columns <= 150; columns++) {
      int keyDim = 1 + random.nextInt(140);
      KernelParity.recurrence(random, keyDim, columns, Samples::normal);
      KernelParity.recurrence(random, keyDim, columns, Samples::finite);
      KernelParity.recurrence(random, keyDim, columns, Samples::any);
    }
  }

  @ParameterizedTest
  @EnumSource
  void multiply_everyColumnCountTo130_sameBits(DType dtype) {
    for (int columns = 1; columns <= 130; columns++) {
      KernelParity.matmul(random, dtype, 1 + random.nextInt(200), columns, 1 + random.nextInt(9));
    }
  }

  @ParameterizedTest
  @EnumSource
  void multiply_severalChunksOfColumns_sameBits(DType dtype) {
    for (int tokens = 1; tokens <= 9; tokens++) {
      KernelParity.matmul(random, dtype, 64, 1000 + random.nextInt(1200), tokens);
    }
    for (int tokens = 1; tokens <= 3; tokens++) {
      KernelParity.matmul(random, dtype, 40, 4097 + random.nextInt(400), tokens);
    }
  }

  /** Tiles of tokens, whole and partly filled, and columns for several chunks and a part of one. */
  @ParameterizedTest
  @EnumSource
  void multiply_manyTokens_sameBits(DType dtype) {
    for (int tokens :
        new int[] {8, 9, 10, 11, 12, 13, 16, 17, 25, 26, 31, 32, 33, 48, 49, 127, 128, 129}) {
      int columns = 1 + random.nextInt(tokens < 64 ? 1200 : 300);
      KernelParity.matmul(random, dtype, 60 + random.nextInt(100), columns, tokens);
    }
    KernelParity.matmul(random, dtype, 129, 1300, 128);
    KernelParity.matmul(random, dtype, 129, 6000, 12); // more than are gathered at once
    KernelParity.matmul(random, dtype, 129, 6000, 49);
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16", "F16"})
  void multiply_infinitiesAndNan_sameBits(DType dtype) {
    for (int tokens = 1; tokens <= 13; tokens++) {
      KernelParity.matmul(random, dtype, 100, 200, tokens, Samples::any);
    }
  }

  /** Sums of a block as large as they can be: their places in a double must hold them. */
  @ParameterizedTest
  @EnumSource
  void multiply_furthestQuants_sameBits(DType dtype) {
    for (int tokens : new int[] {5, 33}) {
      KernelParity.matmul(random, dtype, 200, 1024, tokens, r -> 1f);
      KernelParity.matmul(random, dtype, 200, 1024, tokens, r -> -1f);
    }
  }

  @ParameterizedTest
  @EnumSource
  void pack_anyShape_sameBytes(DType dtype) {
    for (int columns = 1; columns <= 1300; columns += 1 + random.nextInt(90)) {
      KernelParity.packing(random, dtype, 1 + random.nextInt(70), columns);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 47, 48, 49, 63, 64, 65, 95, 96, 97, 127, 128, 129})
  void multiply_rowsAroundPanels_sameBits(int rows) {
    for (DType dtype : DType.values()) {
      KernelParity.matmul(random, dtype, rows, 33, 1);
      KernelParity.matmul(random, dtype, rows, 33, 5);
    }
  }

  @ParameterizedTest
  @EnumSource
  void attend_everyHeadDimension_sameBits(KvDType dtype) {
    for (int headDim : KernelParity.headDims()) {
      for (int i = 0; i < 3; i++) {
        KernelParity.attention(random, headDim, dtype, Samples::normal);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void attend_extremeAndNan_sameBits(KvDType dtype) {
    for (int i = 0; i < 50; i++) {
      KernelParity.attention(random, 1 + random.nextInt(40), dtype, Samples::finite);
      KernelParity.attention(random, 1 + random.nextInt(40), dtype, Samples::any);
      KernelParity.attention(random, 1 + random.nextInt(40), dtype, KernelsPropertyTest::seldomNan);
    }
  }

  @ParameterizedTest
  @EnumSource
  void storeKeyValue_everyHeadDimension_sameBytes(KvDType dtype) {
    for (int headDim = 1; headDim <= 1024; headDim += headDim < 140 ? 1 : 221) {
      KernelParity.storing(random, headDim, dtype, Samples::normal);
      KernelParity.storing(random, headDim, dtype, Samples::finite);
      KernelParity.storing(random, headDim, dtype, Samples::any);
    }
  }

  /** So seldom that most rows see none. */
  private static float seldomNan(Random random) {
    return random.nextInt(500) == 0 ? Samples.any(random) : Samples.normal(random);
  }
}
