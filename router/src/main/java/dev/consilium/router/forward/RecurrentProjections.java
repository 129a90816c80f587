package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.MatrixPart;
import dev.consilium.model.checkpoint.StackedMatrix;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.model.family.RecurrentNames;
import dev.consilium.model.family.RecurrentNames.Part;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.PackedMatrix;
import java.util.List;
import java.util.Optional;

/**
 * What a recurrent layer begins and ends with.
 *
 * @param input {@code [what the layer wants of a token, hiddenSize]}
 * @param inputBias as long as {@code input} has rows
 * @param output {@code [hiddenSize, valueWidth]}
 * @param outputBias {@code [hiddenSize]}
 */
record RecurrentProjections(
    StackedMatrix input,
    Optional<F32Vector> inputBias,
    PackedMatrix output,
    Optional<F32Vector> outputBias) {

  /**
   * Loads what the file has one matrix for.
   *
   * @param biases whether both have biases
   */
  static RecurrentProjections load(
      WeightLoader loader, RecurrentNames names, RecurrentAttention spec, boolean biases) {
    MatrixPart whole = new MatrixPart(names.of(Part.INPUT), spec.projectionWidth());
    return load(loader, names, spec, List.of(whole), biases);
  }

  /**
   * Loads what lies in several places of the file.
   *
   * @param parts of what the first product takes, in order
   * @param biases whether all have biases
   */
  static RecurrentProjections load(
      WeightLoader loader,
      RecurrentNames names,
      RecurrentAttention spec,
      List<MatrixPart> parts,
      boolean biases) {
    int hidden = loader.spec().hiddenSize();
    return new RecurrentProjections(
        loader.stackedMatrix(hidden, parts),
        biases ? Optional.of(stackedBias(loader, parts)) : Optional.empty(),
        loader.matrix(names.of(Part.OUTPUT), hidden, spec.valueWidth()),
        Biases.loadIf(biases, loader, names.of(Part.OUTPUT), hidden));
  }

  private static F32Vector stackedBias(WeightLoader loader, List<MatrixPart> parts) {
    float[] stacked = new float[parts.stream().mapToInt(MatrixPart::rows).sum()];
    int at = 0;
    for (MatrixPart part : parts) {
      F32Vector bias = Biases.load(loader, part.name(), part.tensorRows());
      for (int row = 0; row < part.rows(); row++) {
        stacked[at++] = bias.get(part.tensorRow(row));
      }
    }
    return F32Vector.of(stacked);
  }

  long matrixBytes() {
    return input.byteSize() + output.byteSize();
  }
}
