package dev.consilium.router.forward;

import dev.consilium.model.family.AllKeys;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.KeyChunks;
import dev.consilium.model.family.QkNorm;
import dev.consilium.model.family.SlidingWindow;
import dev.consilium.tensor.AttentionJob;
import dev.consilium.tensor.AttentionShape;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.KvBlocks;
import dev.consilium.tensor.KvDType;
import dev.consilium.tensor.MatmulJob;
import dev.consilium.tensor.PackedMatrix;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Grouped-query attention of one layer over a batch.
 *
 * <ol>
 *   <li>Project: queries, keys and values of every token in one product.
 *   <li>Prepare each token: biases, limit, QK norm before or after the rotary embedding,
 *       temperature.
 *   <li>Store its keys and values in the cache.
 *   <li>Attend: each token over the keys of its own sequence up to its own position.
 *   <li>Multiply by the output gate, if there is one. Project back.
 * </ol>
 *
 * <p>Keys of the whole batch are stored before any token attends, since tokens of one chunk see
 * each other.
 */
final class GroupedQueryStep implements AttentionStep {
  private final int layer;
  private final GroupedQueryAttention spec;
  private final GroupedQueryWeights weights;
  private final AttentionShape shape;
  private final float epsilon;

  GroupedQueryStep(int layer, GroupedQueryWeights weights, float epsilon, KvDType kvDType) {
    this.layer = layer;
    this.spec = weights.spec();
    this.weights = weights;
    this.shape = shapeOf(spec, kvDType);
    this.epsilon = epsilon;
  }

  static AttentionShape shapeOf(GroupedQueryAttention spec, KvDType kvDType) {
    return new AttentionShape(spec.heads(), spec.kvHeads(), spec.headDim(), spec.scale(), kvDType);
  }

  @Override
  public List<PackedMatrix> firstWeights() {
    return weights.queryKeyValue().parts();
  }

  @Override
  public void run(CpuDevice device, BatchRows batch, Workspace work) {
    List<PackedMatrix> later = device.expect(List.of(weights.output()));
    device.matmul(weights.queryKeyValue().jobs(work.normed, batch.all, work.queryKeyValue, 0));
    List<KvBlocks> caches = batch.slices.stream().map(slice -> slice.cache().layer(layer)).toList();
    Optional<RotaryRows> rotary = spec.rotary().map(work::rotary);
    device.parallel(
        batch.runs.size(),
        i -> {
          BatchRows.Run run = batch.runs.get(i);
          for (int row = run.firstRow(); row < run.endRow(); row++) {
            prepare(device.kernels(), work.queryKeyValue, row, batch.position[row], rotary);
          }
          store(device.kernels(), work.queryKeyValue, run, caches.get(run.slice()), batch);
        });
    device.attend(attentionJobs(batch, caches, work));
    if (spec.outputGate()) {
      device.parallel(batch.count, row -> gate(device.kernels(), row, work));
    }
    device.matmul(
        List.of(new MatmulJob(weights.output(), work.attended, batch.all, work.delta, 0)), later);
    Biases.add(device, weights.outputBias(), batch.count, work.delta);
  }

  private void prepare(
      Kernels kernels,
      F32Matrix queryKeyValue,
      int row,
      int position,
      Optional<RotaryRows> rotary) {
    MemorySegment memory = queryKeyValue.segment();
    long query = queryKeyValue.offset(row);
    weights
        .queryKeyValueBias()
        .ifPresent(bias -> kernels.add(bias.segment(), 0, bias.length(), memory, query));
    if (spec.projections().clips()) {
      int width = spec.queryWidth() + 2 * spec.keyValueWidth();
      kernels.clamp(spec.projections().clip(), width, memory, query);
    }
    if (!spec.qkNorm().rotated()) {
      normalise(kernels, memory, query);
    }
    rotary.ifPresent(rows -> rotate(kernels, memory, query, rows, row));
    if (spec.qkNorm().rotated()) {
      normalise(kernels, memory, query);
    }
    spec.scores()
        .temperature()
        .ifPresent(
            tuning -> kernels.scale(tuning.factor(position), spec.queryWidth(), memory, query));
  }

  private void rotate(
      Kernels kernels, MemorySegment memory, long query, RotaryRows rotary, int row) {
    kernels.rotateEach(
        spec.heads() + spec.kvHeads(),
        spec.headDim(),
        memory,
        query,
        rotary.rotaryDim(),
        rotary.rows().segment(),
        rotary.rows().offset(row));
  }

  private void normalise(Kernels kernels, MemorySegment memory, long query) {
    long key = query + bytes(spec.queryWidth());
    weights.queryNorm().ifPresent(norm -> normalise(kernels, memory, query, spec.heads(), norm));
    weights.keyNorm().ifPresent(norm -> normalise(kernels, memory, key, spec.kvHeads(), norm));
  }

  private void normalise(
      Kernels kernels, MemorySegment memory, long offset, int heads, F32Vector norm) {
    if (spec.qkNorm() == QkNorm.WHOLE_PROJECTION) {
      kernels.rmsNorm(memory, offset, heads * spec.headDim(), norm, 0, epsilon, memory, offset);
    } else {
      kernels.rmsNormEach(heads, spec.headDim(), norm, epsilon, memory, offset);
    }
  }

  private void store(
      Kernels kernels,
      F32Matrix queryKeyValue,
      BatchRows.Run run,
      KvBlocks cache,
      BatchRows batch) {
    long keys = queryKeyValue.offset(run.firstRow()) + bytes(spec.queryWidth());
    kernels.storeKeyValue(
        shape,
        cache,
        batch.position[run.firstRow()],
        run.endRow() - run.firstRow(),
        queryKeyValue.segment(),
        keys,
        keys + bytes(spec.keyValueWidth()),
        queryKeyValue.rowStrideBytes());
  }

  private void gate(Kernels kernels, int row, Workspace work) {
    kernels.sigmoidMultiply(
        work.queryKeyValue.segment(),
        work.queryKeyValue.offset(row) + bytes(spec.queryWidth() + 2 * spec.keyValueWidth()),
        spec.queryWidth(),
        work.attended.segment(),
        work.attended.offset(row));
  }

  private List<AttentionJob> attentionJobs(BatchRows batch, List<KvBlocks> caches, Workspace work) {
    List<AttentionJob> jobs = new ArrayList<>();
    for (int i = 0; i < caches.size(); i++) {
      BatchSlice slice = batch.slices.get(i);
      int row = batch.firstRow(i);
      switch (spec.keys()) {
        case AllKeys() ->
            jobs.add(job(caches.get(i), slice.from(), slice.count(), Integer.MAX_VALUE, row, work));
        case SlidingWindow(int keys) ->
            jobs.add(job(caches.get(i), slice.from(), slice.count(), keys, row, work));
        case KeyChunks(int size) -> addChunks(caches.get(i), slice, size, row, work, jobs);
      }
    }
    return jobs;
  }

  /** One job per chunk: to its tokens the cache begins where the chunk does. */
  private void addChunks(
      KvBlocks cache,
      BatchSlice slice,
      int size,
      int row,
      Workspace work,
      List<AttentionJob> jobs) {
    int end = slice.from() + slice.count();
    for (int from = slice.from(); from < end; ) {
      int start = from / size * size;
      int count = Math.min(end - from, start + size - from);
      KvBlocks ofChunk = cache.from(start / AttentionShape.BLOCK_TOKENS);
      int chunkRow = row + from - slice.from();
      jobs.add(job(ofChunk, from - start, count, Integer.MAX_VALUE, chunkRow, work));
      from += count;
    }
  }

  private AttentionJob job(
      KvBlocks cache, int position, int count, int window, int row, Workspace work) {
    return new AttentionJob(
        shape,
        cache,
        position,
        count,
        window,
        weights.sinks(),
        work.queryKeyValue,
        work.attended,
        row);
  }

  private static long bytes(int floats) {
    return (long) floats * Float.BYTES;
  }
}
