package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.MatrixPart;
import dev.consilium.model.checkpoint.StackedMatrix;
import dev.consilium.model.family.AttentionNames;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.ProjectionNames;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.PackedMatrix;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Weights of one layer's attention. Queries, keys and values, and the output gate behind them, are
 * stacked, so that one product gives all.
 *
 * @param queryKeyValue {@code [projectionWidth, hiddenSize]}
 * @param queryKeyValueBias as many values as {@code queryKeyValue} has rows
 * @param queryNorm {@code [headDim]}, or {@code [queryWidth]} where the whole projection is
 *     normalised
 * @param keyNorm {@code [headDim]}, or {@code [keyValueWidth]}
 * @param sinks {@code [heads]}
 * @param output {@code [hiddenSize, queryWidth]}
 * @param outputBias {@code [hiddenSize]}
 */
record GroupedQueryWeights(
    GroupedQueryAttention spec,
    StackedMatrix queryKeyValue,
    Optional<F32Vector> queryKeyValueBias,
    Optional<F32Vector> queryNorm,
    Optional<F32Vector> keyNorm,
    Optional<F32Vector> sinks,
    PackedMatrix output,
    Optional<F32Vector> outputBias)
    implements AttentionWeights {

  static GroupedQueryWeights load(WeightLoader loader, int layer, GroupedQueryAttention spec) {
    int hiddenSize = loader.spec().hiddenSize();
    AttentionNames names = loader.spec().names().attention(layer);
    return new GroupedQueryWeights(
        spec,
        loader.stackedMatrix(hiddenSize, parts(names, ProjectionNames::weight, spec)),
        when(
            spec.queryKeyValueBias(),
            () -> stackedBias(loader, parts(names, ProjectionNames::bias, spec))),
        norm(loader, names.queryNorm(), spec, spec.queryWidth()),
        norm(loader, names.keyNorm(), spec, spec.keyValueWidth()),
        when(spec.scores().sinks(), () -> loader.vector(names.sinks(), spec.heads())),
        loader.matrix(names.output().weight(), hiddenSize, spec.queryWidth()),
        when(spec.outputBias(), () -> loader.vector(names.output().bias(), hiddenSize)));
  }

  private static <T> Optional<T> when(boolean has, Supplier<T> load) {
    return has ? Optional.of(load.get()) : Optional.empty();
  }

  private static Optional<F32Vector> norm(
      WeightLoader loader, String name, GroupedQueryAttention spec, int width) {
    return switch (spec.qkNorm()) {
      case NONE -> Optional.empty();
      case PER_HEAD, PER_HEAD_ROTATED -> Optional.of(Norms.weight(loader, name, spec.headDim()));
      case WHOLE_PROJECTION -> Optional.of(Norms.weight(loader, name, width));
      case PER_HEAD_ROTATED_UNWEIGHTED -> {
        float[] ones = new float[spec.headDim()];
        Arrays.fill(ones, 1);
        yield Optional.of(F32Vector.of(ones));
      }
    };
  }

  private static List<MatrixPart> parts(
      AttentionNames names, Function<ProjectionNames, String> name, GroupedQueryAttention spec) {
    String query = name.apply(names.query());
    MatrixPart key = new MatrixPart(name.apply(names.key()), spec.keyValueWidth());
    MatrixPart value = new MatrixPart(name.apply(names.value()), spec.keyValueWidth());
    if (!spec.outputGate()) {
      return List.of(new MatrixPart(query, spec.queryWidth()), key, value);
    }
    int rows = 2 * spec.queryWidth();
    int ofHead = spec.headDim();
    return List.of(
        new MatrixPart(query, rows, 0, ofHead, 2 * ofHead),
        key,
        value,
        new MatrixPart(query, rows, ofHead, ofHead, 2 * ofHead));
  }

  private static F32Vector stackedBias(WeightLoader loader, List<MatrixPart> parts) {
    float[] stacked = new float[parts.stream().mapToInt(MatrixPart::rows).sum()];
    int at = 0;
    for (MatrixPart part : parts) {
      F32Vector bias = loader.vector(part.name(), part.tensorRows());
      for (int row = 0; row < part.rows(); row++) {
        stacked[at++] = bias.get(part.tensorRow(row));
      }
    }
    return F32Vector.of(stacked);
  }

  @Override
  public long matrixBytes() {
    return queryKeyValue.byteSize() + output.byteSize();
  }
}
