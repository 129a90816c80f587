package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.MatrixPart;
import dev.consilium.model.checkpoint.StackedMatrix;
import dev.consilium.model.family.AttentionNames;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.ProjectionNames;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.PackedMatrix;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Weights of one layer's attention. Queries, keys and values are stacked, so that one product gives
 * all three.
 *
 * @param queryKeyValue {@code [queryWidth + 2 * keyValueWidth, hiddenSize]}
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

  static GroupedQueryWeights load(Checkpoint checkpoint, int layer, GroupedQueryAttention spec) {
    int hiddenSize = checkpoint.spec().hiddenSize();
    AttentionNames names = checkpoint.spec().names().attention(layer);
    return new GroupedQueryWeights(
        spec,
        checkpoint.stackedMatrix(
            hiddenSize,
            List.of(
                new MatrixPart(names.query().weight(), spec.queryWidth()),
                new MatrixPart(names.key().weight(), spec.keyValueWidth()),
                new MatrixPart(names.value().weight(), spec.keyValueWidth()))),
        when(spec.queryKeyValueBias(), () -> stackedBias(checkpoint, names, spec)),
        norm(checkpoint, names.queryNorm(), spec, spec.queryWidth()),
        norm(checkpoint, names.keyNorm(), spec, spec.keyValueWidth()),
        when(spec.scores().sinks(), () -> checkpoint.vector(names.sinks(), spec.heads())),
        checkpoint.matrix(names.output().weight(), hiddenSize, spec.queryWidth()),
        when(spec.outputBias(), () -> checkpoint.vector(names.output().bias(), hiddenSize)));
  }

  private static <T> Optional<T> when(boolean has, Supplier<T> load) {
    return has ? Optional.of(load.get()) : Optional.empty();
  }

  private static Optional<F32Vector> norm(
      Checkpoint checkpoint, String name, GroupedQueryAttention spec, int width) {
    return switch (spec.qkNorm()) {
      case NONE -> Optional.empty();
      case PER_HEAD, PER_HEAD_ROTATED -> Optional.of(checkpoint.vector(name, spec.headDim()));
      case WHOLE_PROJECTION -> Optional.of(checkpoint.vector(name, width));
      case PER_HEAD_ROTATED_UNWEIGHTED -> {
        float[] ones = new float[spec.headDim()];
        Arrays.fill(ones, 1);
        yield Optional.of(F32Vector.of(ones));
      }
    };
  }

  private static F32Vector stackedBias(
      Checkpoint checkpoint, AttentionNames names, GroupedQueryAttention spec) {
    List<Float> stacked = new ArrayList<>();
    append(stacked, checkpoint, names.query(), spec.queryWidth());
    append(stacked, checkpoint, names.key(), spec.keyValueWidth());
    append(stacked, checkpoint, names.value(), spec.keyValueWidth());
    float[] values = new float[stacked.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = stacked.get(i);
    }
    return F32Vector.of(values);
  }

  private static void append(
      List<Float> stacked, Checkpoint checkpoint, ProjectionNames names, int length) {
    F32Vector bias = checkpoint.vector(names.bias(), length);
    for (int i = 0; i < length; i++) {
      stacked.add(bias.get(i));
    }
  }

  @Override
  public long matrixBytes() {
    return queryKeyValue.byteSize() + output.byteSize();
  }

  @Override
  public void close() {
    queryKeyValue.close();
    output.close();
  }
}
