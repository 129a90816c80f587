package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.MatrixPart;
import dev.consilium.model.checkpoint.StackedMatrix;
import dev.consilium.model.family.GatedDeltaNet;
import dev.consilium.model.family.LinearAttention;
import dev.consilium.model.family.Mamba2;
import dev.consilium.model.family.RecurrentNames;
import dev.consilium.model.family.RecurrentNames.Part;
import dev.consilium.model.family.WeightStorage.RecurrentLayout;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.PackedMatrix;
import java.util.List;
import java.util.Optional;

/**
 * Weights of one recurrent layer. Files order the outputs of the projection in different ways; here
 * it is always queries, keys, values, output gate, scalars, each over all heads.
 *
 * @param projection {@code [projectionWidth, hiddenSize]}
 * @param convolution over queries, keys, values
 * @param timeStepBias {@code [heads]}
 * @param decayRate {@code [heads]}, negative: the logarithm of the decay is its product with the
 *     time step
 * @param skip {@code [heads]}
 * @param norm {@code [valueDim]}, or {@code [valueWidth]} where all heads are normalised together
 * @param output {@code [hiddenSize, valueWidth]}
 */
record LinearWeights(
    LinearAttention spec,
    StackedMatrix projection,
    CausalConvolution convolution,
    F32Vector timeStepBias,
    F32Vector decayRate,
    Optional<F32Vector> skip,
    F32Vector norm,
    PackedMatrix output)
    implements AttentionWeights {

  static LinearWeights load(Checkpoint checkpoint, int layer, LinearAttention spec) {
    return new Loading(checkpoint, checkpoint.spec().names().attention(layer).recurrent(), spec)
        .load();
  }

  @Override
  public long matrixBytes() {
    return projection.byteSize() + output.byteSize();
  }

  @Override
  public void close() {
    projection.close();
    output.close();
  }

  /** Where a layer's weights come from. */
  private record Loading(Checkpoint checkpoint, RecurrentNames names, LinearAttention spec) {
    LinearWeights load() {
      int hidden = checkpoint.spec().hiddenSize();
      return new LinearWeights(
          spec,
          checkpoint.stackedMatrix(hidden, projectionParts()),
          convolution(),
          checkpoint.vector(names.of(Part.TIME_STEP_BIAS), spec.heads()),
          decayRate(),
          spec instanceof Mamba2
              ? Optional.of(checkpoint.vector(names.of(Part.SKIP), spec.heads()))
              : Optional.empty(),
          checkpoint.vector(
              names.of(Part.NORM), spec instanceof Mamba2 ? spec.valueWidth() : spec.valueDim()),
          checkpoint.matrix(names.of(Part.OUTPUT), hidden, spec.valueWidth()));
    }

    private List<MatrixPart> projectionParts() {
      return switch (spec) {
        case GatedDeltaNet delta -> deltaParts(delta);
        case Mamba2 mamba -> mambaParts(mamba);
      };
    }

    /** In the file, by key head: its query, its key, then values and gates of its heads. */
    private List<MatrixPart> deltaParts(GatedDeltaNet delta) {
      int key = delta.keyDim();
      int values = delta.valueWidth() / delta.keyHeads();
      int heads = delta.heads() / delta.keyHeads();
      int rows = 2 * key + 2 * values;
      return List.of(
          ofEveryKeyHead(names.of(Part.INPUT), rows, 0, key),
          ofEveryKeyHead(names.of(Part.INPUT), rows, key, key),
          ofEveryKeyHead(names.of(Part.INPUT), rows, 2 * key, values),
          ofEveryKeyHead(names.of(Part.INPUT), rows, 2 * key + values, values),
          ofEveryKeyHead(names.of(Part.SCALARS), 2 * heads, 0, heads),
          ofEveryKeyHead(names.of(Part.SCALARS), 2 * heads, heads, heads));
    }

    private MatrixPart ofEveryKeyHead(String name, int rows, int first, int length) {
      return new MatrixPart(name, spec.keyHeads() * rows, first, length, rows);
    }

    /** In the file: gate, values, keys, queries, scalars. */
    private List<MatrixPart> mambaParts(Mamba2 mamba) {
      int rows = mamba.projectionWidth();
      int values = mamba.valueWidth();
      int keys = mamba.keyWidth();
      return List.of(
          new MatrixPart(names.of(Part.INPUT), rows, 2 * values + keys, keys, rows),
          new MatrixPart(names.of(Part.INPUT), rows, 2 * values, keys, rows),
          new MatrixPart(names.of(Part.INPUT), rows, values, values, rows),
          new MatrixPart(names.of(Part.INPUT), rows, 0, values, rows),
          new MatrixPart(names.of(Part.INPUT), rows, 2 * values + 2 * keys, mamba.heads(), rows));
    }

    private CausalConvolution convolution() {
      boolean bias = spec instanceof Mamba2 mamba && mamba.convolutionBias();
      return CausalConvolution.load(
          checkpoint, names.of(Part.CONVOLUTION), spec, bias, this::storedChannel);
    }

    /** Which channel of the file is our channel: we have queries, keys, values. */
    private int storedChannel(int channel) {
      return switch (spec) {
        case GatedDeltaNet _ -> channel;
        case Mamba2 mamba -> {
          int keys = mamba.keyWidth();
          if (channel < keys) {
            yield mamba.valueWidth() + keys + channel;
          }
          yield channel < 2 * keys ? mamba.valueWidth() + channel - keys : channel - 2 * keys;
        }
      };
    }

    private F32Vector decayRate() {
      float[] rates = new float[spec.heads()];
      F32Vector stored = checkpoint.vector(names.of(Part.DECAY), rates.length);
      boolean logarithms =
          checkpoint.spec().names().storage().recurrent() == RecurrentLayout.REFERENCE;
      for (int head = 0; head < rates.length; head++) {
        float value = stored.get(head);
        rates[head] = logarithms ? -(float) StrictMath.exp(value) : value;
      }
      return F32Vector.of(rates);
    }
  }
}
