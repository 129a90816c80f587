package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.MatrixPart;
import dev.consilium.model.checkpoint.StackedMatrix;
import dev.consilium.model.family.AttentionNames;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.LatentNames;
import dev.consilium.model.family.WeightNames;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.PackedMatrix;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * Weights of one layer's latent attention. What makes queries and what makes the latent vector is
 * stacked, so that one product gives both.
 *
 * @param down {@code [queryRank + keyValueRank + rotaryDim, hiddenSize]}; without a query rank,
 *     {@code [heads * queryDim + ...]}
 * @param downBias as long as {@code down} has rows; zeros where nothing has a bias
 * @param query how queries come from their narrow vector, if they do
 * @param keyValueNorm {@code [keyValueRank]}, with the factor of latent vectors in it
 * @param keys by head, {@code [keyValueRank, plainDim]}: from a query to what meets latent vectors
 * @param values by head, {@code [valueDim, keyValueRank]}: from latent vectors to values
 * @param output {@code [hiddenSize, heads * valueDim]}
 * @param outputBias {@code [hiddenSize]}, if there is one
 */
record LatentWeights(
    LatentAttention spec,
    StackedMatrix down,
    Optional<F32Vector> downBias,
    Optional<QueryUp> query,
    F32Vector keyValueNorm,
    List<PackedMatrix> keys,
    List<PackedMatrix> values,
    PackedMatrix output,
    Optional<F32Vector> outputBias)
    implements AttentionWeights {

  /**
   * From the narrow vector to queries.
   *
   * @param norm {@code [queryRank]}
   * @param up {@code [heads * queryDim, queryRank]}
   */
  record QueryUp(F32Vector norm, PackedMatrix up) {
    static QueryUp load(WeightLoader loader, LatentNames names, int width, int rank) {
      return new QueryUp(
          loader.vector(names.queryNorm(), rank), loader.matrix(names.queryUp(), width, rank));
    }
  }

  private static F32Vector keyValueNorm(
      WeightLoader loader, LatentNames names, LatentAttention spec) {
    float[] weight = loader.values(names.keyValueNorm(), List.of((long) spec.keyValueRank()));
    for (int i = 0; i < weight.length; i++) {
      weight[i] *= spec.latentFactor();
    }
    return F32Vector.of(weight);
  }

  static LatentWeights load(WeightLoader loader, int layer, LatentAttention spec) {
    AttentionNames names = loader.spec().names().attention(layer);
    LatentNames latent = names.latent();
    int hidden = loader.spec().hiddenSize();
    boolean narrow = spec.queryRank().isPresent();
    MatrixPart query =
        new MatrixPart(narrow ? latent.queryDown() : names.query().weight(), spec.queryInput());
    MatrixPart keyValue = new MatrixPart(latent.keyValueDown(), spec.cacheWidth());
    return new LatentWeights(
        spec,
        loader.stackedMatrix(hidden, List.of(query, keyValue)),
        spec.bias() ? Optional.of(downBias(loader, latent, spec)) : Optional.empty(),
        narrow
            ? Optional.of(QueryUp.load(loader, latent, spec.queryWidth(), spec.queryInput()))
            : Optional.empty(),
        keyValueNorm(loader, latent, spec),
        ofHeads(spec, head -> keys(loader, latent, spec, head)),
        ofHeads(spec, head -> values(loader, latent, spec, head)),
        loader.matrix(names.output().weight(), hidden, spec.heads() * spec.valueDim()),
        spec.bias() ? Optional.of(loader.vector(names.output().bias(), hidden)) : Optional.empty());
  }

  private static List<PackedMatrix> ofHeads(LatentAttention spec, IntFunction<PackedMatrix> load) {
    return IntStream.range(0, spec.heads()).mapToObj(load).toList();
  }

  private static F32Vector downBias(WeightLoader loader, LatentNames names, LatentAttention spec) {
    float[] stacked = new float[spec.queryInput() + spec.cacheWidth()];
    if (spec.queryRank().isPresent()) {
      copy(loader, WeightNames.bias(names.queryDown()), spec.queryInput(), stacked, 0);
    }
    String keyValue = WeightNames.bias(names.keyValueDown());
    copy(loader, keyValue, spec.cacheWidth(), stacked, spec.queryInput());
    return F32Vector.of(stacked);
  }

  private static void copy(WeightLoader loader, String name, int length, float[] into, int from) {
    System.arraycopy(loader.values(name, List.of((long) length)), 0, into, from, length);
  }

  /** From a head's query to what meets latent vectors. */
  private static PackedMatrix keys(
      WeightLoader loader, LatentNames names, LatentAttention spec, int head) {
    return switch (loader.spec().names().storage().latent()) {
      case ONE_MATRIX ->
          loader.transposedRows(names.keyValueUp(), firstRow(spec, head), spec.plainDim());
      case BY_HEAD -> loader.matrix(names.keyUp(head), spec.keyValueRank(), spec.plainDim());
    };
  }

  /** From latent vectors to a head's values. */
  private static PackedMatrix values(
      WeightLoader loader, LatentNames names, LatentAttention spec, int head) {
    return switch (loader.spec().names().storage().latent()) {
      case ONE_MATRIX ->
          loader.rows(names.keyValueUp(), firstRow(spec, head) + spec.plainDim(), spec.valueDim());
      case BY_HEAD -> loader.matrix(names.valueUp(head), spec.valueDim(), spec.keyValueRank());
    };
  }

  /** Of a head, where the file has keys and values of all heads in one matrix. */
  private static int firstRow(LatentAttention spec, int head) {
    return head * (spec.plainDim() + spec.valueDim());
  }

  @Override
  public long matrixBytes() {
    long bytes = down.byteSize() + output.byteSize();
    bytes += query.map(up -> up.up().byteSize()).orElse(0L);
    bytes += keys.stream().mapToLong(PackedMatrix::byteSize).sum();
    return bytes + values.stream().mapToLong(PackedMatrix::byteSize).sum();
  }
}
