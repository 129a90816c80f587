package dev.consilium.router.forward;

import dev.consilium.model.family.LatentAttention;
import dev.consilium.tensor.AttentionJob;
import dev.consilium.tensor.AttentionShape;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.KvBlocks;
import dev.consilium.tensor.KvDType;
import dev.consilium.tensor.MatmulJob;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Latent attention of one layer over a batch, without ever making keys or values.
 *
 * <ol>
 *   <li>Project down: the queries, or the vector they are made of, and the latent vector with the
 *       shared key.
 *   <li>Prepare each token: norms of the narrow vectors, rotation of the shared key; store.
 *   <li>Project queries up, and rotate their second part.
 *   <li>Take each head's query to the space of latent vectors.
 *   <li>Attend: all heads share one key, the cache row, whose beginning is the value.
 *   <li>Take each head's sum of latent vectors to its values.
 *   <li>Project back.
 * </ol>
 */
final class LatentStep implements AttentionStep {
  private final int layer;
  private final LatentAttention spec;
  private final LatentWeights weights;
  private final AttentionShape shape;

  LatentStep(int layer, LatentWeights weights, KvDType kvDType) {
    this.layer = layer;
    this.spec = weights.spec();
    this.weights = weights;
    this.shape = shapeOf(spec, kvDType);
  }

  static AttentionShape shapeOf(LatentAttention spec, KvDType kvDType) {
    return AttentionShape.ofPrefixes(
        spec.heads(), spec.cacheWidth(), spec.keyValueRank(), spec.scale(), kvDType);
  }

  @Override
  public void run(CpuDevice device, BatchRows batch, Workspace work) {
    device.matmul(weights.down().jobs(work.normed, batch.all, work.queryKeyValue, 0));
    List<KvBlocks> caches = batch.slices.stream().map(slice -> slice.cache().layer(layer)).toList();
    Optional<RotaryRows> rotary = spec.rotary().map(work::rotary);
    device.parallel(
        batch.runs.size(),
        i -> prepareAndStore(device, batch, batch.runs.get(i), caches, rotary, work));
    F32Matrix queries = queries(device, batch, work);
    device.parallel(batch.count, row -> rotateQueries(device, queries, row, rotary, work));
    device.matmul(queryJobs(batch, queries, work));
    device.attend(attentionJobs(batch, caches, work));
    device.matmul(valueJobs(batch, work));
    device.matmul(
        List.of(new MatmulJob(weights.output(), work.latentValues, batch.all, work.delta, 0)));
    Biases.add(device, weights.outputBias(), batch.count, work.delta);
  }

  private void prepareAndStore(
      CpuDevice device,
      BatchRows batch,
      BatchRows.Run run,
      List<KvBlocks> caches,
      Optional<RotaryRows> rotary,
      Workspace work) {
    F32Matrix projected = work.queryKeyValue;
    for (int row = run.firstRow(); row < run.endRow(); row++) {
      prepare(device, projected, row, rotary);
    }
    long keys = projected.offset(run.firstRow()) + bytes(spec.queryInput());
    device
        .kernels()
        .storeKeyValue(
            shape,
            caches.get(run.slice()),
            batch.position[run.firstRow()],
            run.endRow() - run.firstRow(),
            projected.segment(),
            keys,
            keys,
            projected.rowStrideBytes());
  }

  private void prepare(
      CpuDevice device, F32Matrix projected, int row, Optional<RotaryRows> rotary) {
    MemorySegment memory = projected.segment();
    long query = projected.offset(row);
    weights
        .downBias()
        .ifPresent(bias -> device.kernels().add(bias.segment(), 0, bias.length(), memory, query));
    weights
        .query()
        .ifPresent(up ->
            device
                .kernels()
                .rmsNorm(
                    memory,
                    query,
                    spec.queryInput(),
                    up.norm(),
                    0,
                    spec.normEpsilon(),
                    memory,
                    query));
    long latent = query + bytes(spec.queryInput());
    device
        .kernels()
        .rmsNorm(
            memory,
            latent,
            spec.keyValueRank(),
            weights.keyValueNorm(),
            0,
            spec.normEpsilon(),
            memory,
            latent);
    long key = latent + bytes(spec.keyValueRank());
    rotate(device, memory, key, rotary, row);
  }

  /** The queries of all heads, {@code [tokens, heads * queryDim]}, rotated nowhere yet. */
  private F32Matrix queries(CpuDevice device, BatchRows batch, Workspace work) {
    if (weights.query().isEmpty()) {
      return work.queryKeyValue.columns(0, spec.queryWidth());
    }
    F32Matrix narrow = work.queryKeyValue.columns(0, spec.queryInput());
    F32Matrix queries = work.latentQueries.columns(0, spec.queryWidth());
    device.matmul(
        List.of(new MatmulJob(weights.query().orElseThrow().up(), narrow, batch.all, queries, 0)));
    return queries;
  }

  /** Puts each head's rotated part behind where its query in latent space will be. */
  private void rotateQueries(
      CpuDevice device, F32Matrix queries, int row, Optional<RotaryRows> rotary, Workspace work) {
    F32Matrix into = work.latentKeys;
    for (int head = 0; head < spec.heads(); head++) {
      long from = queries.offset(row) + bytes(head * spec.queryDim() + spec.plainDim());
      long at = into.offset(row) + bytes(head * spec.cacheWidth() + spec.keyValueRank());
      MemorySegment.copy(queries.segment(), from, into.segment(), at, bytes(spec.sharedDim()));
      rotate(device, into.segment(), at, rotary, row);
    }
  }

  private void rotate(
      CpuDevice device, MemorySegment memory, long at, Optional<RotaryRows> rotary, int row) {
    rotary.ifPresent(turned ->
        device
            .kernels()
            .rotate(
                memory, at, spec.sharedDim(), turned.rows().segment(), turned.rows().offset(row)));
  }

  private List<MatmulJob> queryJobs(BatchRows batch, F32Matrix queries, Workspace work) {
    List<MatmulJob> jobs = new ArrayList<>();
    for (int head = 0; head < spec.heads(); head++) {
      F32Matrix query = queries.columns(head * spec.queryDim(), spec.plainDim());
      F32Matrix into = work.latentKeys.columns(head * spec.cacheWidth(), spec.keyValueRank());
      jobs.add(new MatmulJob(weights.keys().get(head), query, batch.all, into, 0));
    }
    return jobs;
  }

  private List<AttentionJob> attentionJobs(BatchRows batch, List<KvBlocks> caches, Workspace work) {
    List<AttentionJob> jobs = new ArrayList<>();
    for (int i = 0; i < caches.size(); i++) {
      BatchSlice slice = batch.slices.get(i);
      jobs.add(
          new AttentionJob(
              shape,
              caches.get(i),
              slice.from(),
              slice.count(),
              Integer.MAX_VALUE,
              work.latentKeys,
              work.attended,
              batch.firstRow(i)));
    }
    return jobs;
  }

  private List<MatmulJob> valueJobs(BatchRows batch, Workspace work) {
    List<MatmulJob> jobs = new ArrayList<>();
    for (int head = 0; head < spec.heads(); head++) {
      F32Matrix sum = work.attended.columns(head * spec.keyValueRank(), spec.keyValueRank());
      F32Matrix into = work.latentValues.columns(head * spec.valueDim(), spec.valueDim());
      jobs.add(new MatmulJob(weights.values().get(head), sum, batch.all, into, 0));
    }
    return jobs;
  }

  private static long bytes(int floats) {
    return (long) floats * Float.BYTES;
  }
}
