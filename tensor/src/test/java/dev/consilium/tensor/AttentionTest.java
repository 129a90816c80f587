package dev.consilium.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.testkit.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class AttentionTest {
  private final Random random = new Random(Seeds.seed());

  /**
   * Errors of outputs of the order of 0.1 to 1, from values and scores that are rounded to 24, 11,
   * 8 and about 7 bits.
   */
  @ParameterizedTest
  @CsvSource({"F32, 3e-6", "F16, 3e-3", "BF16, 2e-2", "Q8_0, 3e-2"})
  void attend_ordinaryNumbers_isCloseToDouble(KvDType dtype, double tolerance) {
    for (int headDim : new int[] {1, 16, 24, 32, 64, 80, 96, 128, 256, 512}) {
      float scale = (float) (1 / Math.sqrt(headDim));
      AttentionShape shape = new AttentionShape(6, 2, headDim, scale, dtype);
      AttentionSample sample = AttentionSample.of(random, shape, 600, 5, 571, Samples::normal);
      assertClose(sample, tolerance);
      // Beside some hundred keys with scores around 0: nothing, something, all but everything.
      assertClose(sample.with(-200, -3, 0, 5, 9, 200), tolerance);
    }
  }

  private static void assertClose(AttentionSample sample, double tolerance) {
    int headDim = sample.shape().headDim();
    F32Matrix out = sample.attend(Kernels.best(), 3);
    for (int token = 0; token < 5; token++) {
      for (int head = 0; head < 6; head++) {
        double[] expected = softmaxAttention(sample, token, head);
        for (int d = 0; d < headDim; d++) {
          float actual = sample.result(out, token, head * headDim + d);
          assertThat(Math.abs(actual - expected[d])).isLessThan(tolerance);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void attend_sinks_sameBitsOfAllKernels(KvDType dtype) {
    AttentionShape shape = new AttentionShape(6, 2, 24, 0.2f, dtype);
    AttentionSample sample =
        AttentionSample.of(random, shape, 700, 9, 1000, Samples::normal)
            .with(-1000, -2, 0.5f, 4, 30, Float.MAX_VALUE);
    F32Matrix expected = sample.attend(Kernels.scalar(), 9);
    for (int tileTokens : new int[] {1, 4, 9}) {
      F32Matrix actual = sample.attend(Kernels.best(), tileTokens);
      KernelParity.compareBits("sinks", expected.segment(), actual.segment());
      actual = sample.attend(new VectorKernels(), tileTokens);
      KernelParity.compareBits("sinks", expected.segment(), actual.segment());
    }
  }

  @ParameterizedTest
  @EnumSource
  void attend_valuesThatAreBeginningsOfKeys_sameBitsAsStoredTwice(KvDType dtype) {
    for (int[] dims : new int[][] {{40, 24}, {17, 1}, {48, 48}, {33, 30}, {576, 512}}) {
      AttentionShape once = AttentionShape.ofPrefixes(5, dims[0], dims[1], 0.1f, dtype);
      AttentionShape twice = new AttentionShape(5, 1, dims[0], 0.1f, dtype);
      assertThat(once.blockBytes()).isLessThan(twice.blockBytes() * 2 / 3);
      AttentionSample sample = AttentionSample.of(random, once, 600, 5, 571, Samples::normal);
      F32Matrix out = sample.attend(Kernels.best(), 3);
      F32Matrix expected = sample.storedTwice(twice).attend(Kernels.best(), 3);
      for (int token = 0; token < 5; token++) {
        for (int i = 0; i < 5 * dims[1]; i++) {
          float wanted = sample.result(expected, token, i / dims[1] * dims[0] + i % dims[1]);
          assertThat(sample.result(out, token, i)).isEqualTo(wanted);
        }
      }
    }
  }

  private static double[] softmaxAttention(AttentionSample sample, int token, int head) {
    int n = sample.shape().headDim();
    int kv = head / sample.shape().headsPerKvHead() * n;
    double[] out = new double[n];
    double total = 0;
    for (int key = sample.firstKey(token); key < sample.endKey(token); key++) {
      double score = 0;
      for (int d = 0; d < n; d++) {
        score += (double) sample.query(token, head * n + d) * sample.cache().key(key, kv + d);
      }
      double weight = Math.exp(score * sample.shape().scale());
      total += weight;
      for (int d = 0; d < n; d++) {
        out[d] += weight * sample.cache().value(key, kv + d);
      }
    }
    for (int d = 0; d < n; d++) {
      out[d] /= total + Math.exp(sample.sink(head));
    }
    return out;
  }

  @ParameterizedTest
  @EnumSource
  void attend_anyTilesThreadsAndChunks_sameBits(KvDType dtype) {
    for (int i = 0; i < 12; i++) {
      int kvHeads = 1 + random.nextInt(3);
      int heads = kvHeads * (1 + random.nextInt(8));
      int headDim = 1 + random.nextInt(100);
      AttentionShape shape =
          i % 3 == 0
              ? AttentionShape.ofPrefixes(heads, headDim, 1 + random.nextInt(headDim), 0.2f, dtype)
              : new AttentionShape(heads, kvHeads, headDim, 0.2f, dtype);
      int window = random.nextBoolean() ? Integer.MAX_VALUE : 1 + random.nextInt(1200);
      int tokens = 1 + random.nextInt(80);
      AttentionSample sample =
          AttentionSample.of(
              random, shape, random.nextInt(1500), tokens, window, AttentionTest::seldomNan);
      F32Matrix expected = sample.attend(Kernels.best(), 1);
      for (int threads : new int[] {1, 2, 16}) {
        F32Matrix actual = sample.results();
        try (CpuDevice device = new CpuDevice(threads)) {
          device.attend(chunks(sample, actual));
        }
        String what = "%s, %d threads".formatted(sample, threads);
        KernelParity.compareBits(what, expected.segment(), actual.segment());
      }
    }
  }

  private List<AttentionJob> chunks(AttentionSample sample, F32Matrix out) {
    List<AttentionJob> jobs = new ArrayList<>();
    for (int from = 0; from < sample.tokens(); ) {
      int count = 1 + random.nextInt(sample.tokens() - from);
      jobs.add(sample.job(from, count, out));
      from += count;
    }
    return jobs;
  }

  private static float seldomNan(Random random) {
    return random.nextInt(2000) == 0 ? Samples.any(random) : Samples.normal(random);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5, 100})
  void tiles_anyThreads_coverEveryTokenAndHeadOnce(int wanted) {
    AttentionShape shape = new AttentionShape(6, 2, 8, 1, KvDType.F32);
    AttentionSample sample =
        AttentionSample.of(random, shape, 40, 90, Integer.MAX_VALUE, Samples::normal);
    F32Matrix out = sample.results();
    List<AttentionJob> jobs = List.of(sample.job(0, 70, out), sample.job(70, 20, out));
    int[][] seen = new int[2][90];
    for (AttentionTile tile : AttentionTasks.tiles(jobs, wanted)) {
      int from = tile.job().position() - 40;
      for (int token = tile.firstToken(); token < tile.endToken(); token++) {
        for (int i = 0; i < tile.kvHeads(); i++) {
          seen[tile.kvHead() + i][from + token]++;
        }
      }
    }
    for (int[] ofHead : seen) {
      assertThat(ofHead).containsOnly(1);
    }
  }

  @Test
  void tiles_longSequenceAmongMany_haveOneKeyValueHead() {
    AttentionShape shape = new AttentionShape(8, 4, 8, 1, KvDType.F32);
    List<AttentionJob> jobs = new ArrayList<>(List.of(ofOneToken(shape, 4000)));
    for (int i = 0; i < 31; i++) {
      jobs.add(ofOneToken(shape, 30));
    }
    List<AttentionTile> tiles = AttentionTasks.tiles(jobs, 8);
    for (AttentionTile tile : tiles) {
      assertThat(tile.kvHeads()).isEqualTo(tile.job().position() > 30 ? 1 : 4);
    }
    assertThat(tiles).hasSize(4 + 31);
  }

  private AttentionJob ofOneToken(AttentionShape shape, int position) {
    AttentionSample sample =
        AttentionSample.of(random, shape, position, 1, Integer.MAX_VALUE, Samples::normal);
    return sample.job(0, 1, sample.results());
  }

  @Test
  void job_tokensOutsideTheCache_areRefused() {
    AttentionShape shape = new AttentionShape(1, 1, 8, 1f, KvDType.F16);
    AttentionSample sample = AttentionSample.of(random, shape, 8, 8, 5, Samples::normal);
    F32Matrix m = F32Matrix.allocate(20, 8);
    KvBlocks cache = sample.cache().blocks();
    assertThatThrownBy(() -> new AttentionJob(shape, cache, 8, 9, 5, m, m, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("positions 8 to 16 of a cache of 1 blocks");
    assertThatThrownBy(() -> new AttentionJob(shape, cache, 8, 0, 5, m, m, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("0 tokens");
    assertThatThrownBy(() -> new AttentionJob(shape, cache, 8, 8, 5, m, m, 13))
        .isInstanceOf(IndexOutOfBoundsException.class);
    F32Matrix narrow = F32Matrix.allocate(20, 7);
    assertThatThrownBy(() -> new AttentionJob(shape, cache, 8, 8, 5, m, narrow, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("results 7");
  }
}
