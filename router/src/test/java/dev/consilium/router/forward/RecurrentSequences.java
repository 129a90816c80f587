package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.StackedMatrix;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.router.kvcache.CacheLayout;
import dev.consilium.router.kvcache.KvPool;
import dev.consilium.router.kvcache.LayerCache;
import dev.consilium.router.kvcache.SequenceCache;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.DType;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.PackedMatrix;
import io.opentelemetry.context.Context;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/** Takes random sequences through one recurrent layer, in chunks and side by side. */
final class RecurrentSequences {
  static final int LONGEST = 40;
  static final int HIDDEN = 24;

  private final RecurrentAttention spec;
  private final RecurrentStep step;

  RecurrentSequences(RecurrentAttention spec, RecurrentStep step) {
    this.spec = spec;
    this.step = step;
  }

  /** Every sequence through the layer, a chunk of each per step. */
  List<float[][]> run(List<float[][]> sequences, int chunk, int threads, Kernels kernels) {
    try (CpuDevice device = new CpuDevice(threads, kernels);
        KvPool pool =
            new KvPool(
                new CacheLayout(List.of(LayerCache.ofState(RecurrentRows.stateBytes(spec)))),
                sequences.size() * KvPool.blocksFor(LONGEST),
                sequences.size(),
                sequences.size() * LONGEST)) {
      List<SequenceCache> caches = new ArrayList<>();
      List<float[][]> results = new ArrayList<>();
      for (float[][] sequence : sequences) {
        SequenceCache cache = new SequenceCache(pool);
        cache.reserve(sequence.length);
        cache.state(0).fill((byte) 0x7f); // what another sequence may have left: NaN
        caches.add(cache);
        results.add(new float[sequence.length][HIDDEN]);
      }
      for (int from = 0; from < LONGEST; from += chunk) {
        step(device, caches, sequences, from, chunk, results);
      }
      return results;
    }
  }

  private void step(
      CpuDevice device,
      List<SequenceCache> caches,
      List<float[][]> sequences,
      int from,
      int chunk,
      List<float[][]> results) {
    List<BatchSlice> slices = new ArrayList<>();
    List<Integer> which = new ArrayList<>();
    for (int s = 0; s < sequences.size(); s++) {
      int count = Math.min(chunk, sequences.get(s).length - from);
      if (count > 0) {
        which.add(s);
        slices.add(slice(caches.get(s), from, count));
      }
    }
    BatchRows batch = new BatchRows(slices);
    F32Matrix input = F32Matrix.allocate(batch.count, HIDDEN);
    F32Matrix result = F32Matrix.allocate(batch.count, HIDDEN);
    for (int row = 0; row < batch.count; row++) {
      input.writeRow(row, sequences.get(which.get(batch.slice[row]))[batch.position[row]]);
    }
    step.run(device, batch, RecurrentRows.of(List.of(spec), batch.count), input, result);
    for (int row = 0; row < batch.count; row++) {
      result.readRow(row, results.get(which.get(batch.slice[row]))[batch.position[row]]);
    }
  }

  private static BatchSlice slice(SequenceCache cache, int from, int count) {
    return new BatchSlice(
        cache,
        new int[0],
        from,
        count,
        from + count,
        BatchSlice.Logits.NONE,
        false,
        Context.root());
  }

  /** A sequence of 1 to {@link #LONGEST} random hidden states. */
  static float[][] tokens(SplittableRandom random) {
    float[][] tokens = new float[1 + random.nextInt(LONGEST)][];
    for (int t = 0; t < tokens.length; t++) {
      tokens[t] = floats(random, HIDDEN, 1);
    }
    return tokens;
  }

  /** Random numbers from {@code -scale} to {@code scale}. */
  static float[] floats(SplittableRandom random, int count, double scale) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (scale * (2 * random.nextDouble() - 1));
    }
    return values;
  }

  /** What a layer begins and ends with, each with its bias if {@code biases}. */
  static RecurrentProjections projections(
      LoadedWeights loaded,
      float[] input,
      float[] inputBias,
      float[] output,
      float[] outputBias,
      boolean biases) {
    return new RecurrentProjections(
        new StackedMatrix(List.of(packed(loaded, input, HIDDEN))),
        biases ? Optional.of(F32Vector.of(inputBias)) : Optional.empty(),
        packed(loaded, output, output.length / HIDDEN),
        biases ? Optional.of(F32Vector.of(outputBias)) : Optional.empty());
  }

  /** A matrix that is freed with others. */
  static PackedMatrix packed(LoadedWeights loaded, float[] values, int columns) {
    MemorySegment memory = Arena.ofAuto().allocate(4L * values.length, 64);
    MemorySegment.copy(values, 0, memory, ValueLayout.JAVA_FLOAT, 0, values.length);
    return loaded.own(PackedMatrix.pack(DType.F32, columns, List.of(memory)));
  }
}
