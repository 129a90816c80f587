package dev.consilium.router.forward;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.conversion.Quantisation;
import dev.consilium.model.expert.ExpertBank;
import dev.consilium.model.expert.ExpertComputation;
import dev.consilium.model.expert.ExpertId;
import dev.consilium.model.expert.RoundTo;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.model.synthetic.SyntheticFamily;
import dev.consilium.model.synthetic.SyntheticModel;
import dev.consilium.model.synthetic.SyntheticShape;
import dev.consilium.router.dispatch.LocalExperts;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.kvcache.KvPool;
import dev.consilium.router.kvcache.SequenceCache;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.KvDType;
import io.opentelemetry.context.Context;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A model with quantised weights gives the same logits to the bit, whichever kernels compute it, on
 * however many threads, in however large pieces, alone or beside others.
 */
class QuantisedLogitsPropertyTest {
  private static final int TOKENS = 11;

  @TempDir Path directory;

  @ParameterizedTest
  @EnumSource(
      value = Quantisation.class,
      names = {"Q8_0", "Q4_0", "Q4_K", "Q6_K", "MXFP4"})
  void run_anyKernelsThreadsAndBatches_givesTheSameLogits(Quantisation type) throws IOException {
    Path file = directory.resolve("tiny.gguf");
    new SyntheticModel(SyntheticFamily.QWEN3MOE, SyntheticShape.TINY, type, 1)
        .write(file, GgufWriter.Progress.NONE);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      float[][] oracle = logits(checkpoint, Kernels.scalar(), 1, TOKENS, 0);
      assertSame(oracle, logits(checkpoint, Kernels.best(), 1, TOKENS, 0));
      assertSame(oracle, logits(checkpoint, Kernels.best(), 2, TOKENS, 0));
      assertSame(oracle, logits(checkpoint, Kernels.best(), 2, 1, 0));
      assertSame(oracle, logits(checkpoint, Kernels.best(), 2, 4, 3));
      assertSame(oracle, logits(checkpoint, Kernels.best(), 3, 1, 17));
    }
  }

  private static void assertSame(float[][] expected, float[][] actual) {
    for (int i = 0; i < TOKENS; i++) {
      assertThat(actual[i]).as("token %d", i).isEqualTo(expected[i]);
      assertThat(actual[i]).as("token %d", i).doesNotContain(Float.NaN);
    }
  }

  /** Logits of every token, computed {@code step} at a time beside some other sequences. */
  private static float[][] logits(
      Checkpoint checkpoint, Kernels kernels, int threads, int step, int others) {
    int vocabulary = checkpoint.spec().vocabularySize();
    int[] tokens = new Random(3).ints(TOKENS, 0, vocabulary).toArray();
    float[][] logits = new float[TOKENS][vocabulary];
    try (CpuDevice device = new CpuDevice(threads, kernels);
        RouterWeights weights = RouterWeights.load(checkpoint, device);
        ExpertBank bank = new ExpertBank(checkpoint);
        KvPool pool =
            new KvPool(
                ForwardPass.cacheLayout(checkpoint.spec(), KvDType.F16),
                1 + others,
                1 + others,
                TOKENS * (1 + others))) {
      bank.load(allExperts(checkpoint));
      ForwardPass pass =
          new ForwardPass(
              weights,
              device,
              new LocalExperts("here", bank, new ExpertComputation(device), RoundTo.F32),
              RoundTo.F32,
              KvDType.F16,
              new Utilisation(),
              TOKENS * (1 + others));
      List<SequenceCache> caches = new ArrayList<>();
      for (int i = 0; i <= others; i++) {
        caches.add(new SequenceCache(pool));
        caches.getLast().reserve(TOKENS);
      }
      for (int from = 0; from < TOKENS; from += step) {
        int count = Math.min(step, TOKENS - from);
        BatchResult result = pass.run(slices(caches, tokens, vocabulary, from, count));
        for (int i = 0; i < count; i++) {
          result.readLogits(others, i, logits[from + i]);
        }
      }
    }
    return logits;
  }

  /** The sequence that is looked at comes last. */
  private static List<BatchSlice> slices(
      List<SequenceCache> caches, int[] tokens, int vocabulary, int from, int count) {
    List<BatchSlice> slices = new ArrayList<>();
    for (int i = 0; i < caches.size(); i++) {
      boolean last = i == caches.size() - 1;
      int[] ofSequence = last ? tokens : new Random(i).ints(TOKENS, 0, vocabulary).toArray();
      slices.add(
          new BatchSlice(
              caches.get(i),
              ofSequence,
              from,
              count,
              TOKENS,
              last ? BatchSlice.Logits.ALL : BatchSlice.Logits.NONE,
              false,
              Context.root()));
    }
    return slices;
  }

  private static List<ExpertId> allExperts(Checkpoint checkpoint) {
    List<ExpertId> all = new ArrayList<>();
    checkpoint
        .spec()
        .expertCounts()
        .forEach((layer, count) ->
            IntStream.range(0, count).forEach(index -> all.add(new ExpertId(layer, index))));
    return all;
  }
}
