package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.expert.ExpertBank;
import dev.consilium.model.expert.ExpertComputation;
import dev.consilium.model.expert.ExpertId;
import dev.consilium.model.expert.RoundTo;
import dev.consilium.router.dispatch.LocalExperts;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.kvcache.KvPool;
import dev.consilium.router.kvcache.SequenceCache;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.KvDType;
import io.opentelemetry.context.Context;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** Logits of a model in process. */
final class ForwardLogits {

  private ForwardLogits() {}

  /** Logits of every token, computed {@code step} at a time beside some other sequences. */
  static float[][] of(
      Checkpoint checkpoint,
      Kernels kernels,
      KvDType cache,
      int threads,
      int[] tokens,
      int step,
      int others) {
    int vocabulary = checkpoint.spec().vocabularySize();
    float[][] logits = new float[tokens.length][vocabulary];
    try (CpuDevice device = new CpuDevice(threads, kernels);
        RouterWeights weights = RouterWeights.load(checkpoint, device);
        ExpertBank bank = new ExpertBank(checkpoint);
        KvPool pool =
            new KvPool(
                ForwardPass.cacheLayout(checkpoint.spec(), cache),
                1 + others,
                1 + others,
                tokens.length * (1 + others))) {
      bank.load(allExperts(checkpoint));
      ForwardPass pass =
          new ForwardPass(
              weights,
              device,
              new LocalExperts("here", bank, new ExpertComputation(device), RoundTo.F32),
              RoundTo.F32,
              cache,
              new Utilisation(),
              tokens.length * (1 + others));
      List<SequenceCache> caches = new ArrayList<>();
      for (int i = 0; i <= others; i++) {
        caches.add(new SequenceCache(pool));
        caches.getLast().reserve(tokens.length);
      }
      for (int from = 0; from < tokens.length; from += step) {
        int count = Math.min(step, tokens.length - from);
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
      int[] ofSequence = last ? tokens : new Random(i).ints(tokens.length, 0, vocabulary).toArray();
      slices.add(
          new BatchSlice(
              caches.get(i),
              ofSequence,
              from,
              count,
              tokens.length,
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
