package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.MatrixPart;
import dev.consilium.model.checkpoint.StackedMatrix;
import dev.consilium.model.expert.BlockComputation;
import dev.consilium.model.expert.FeedForwardBlock;
import dev.consilium.model.family.BlockBody;
import dev.consilium.model.family.BlockNames;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.PackedMatrix;
import java.util.List;

/**
 * Loads the weights of one model and has each with memory of its own freed with all the others, so
 * that none is forgotten when a later one cannot be read.
 *
 * <p>Any number of threads.
 *
 * @param loaded owns what was loaded
 */
record WeightLoader(Checkpoint checkpoint, LoadedWeights loaded) {

  ModelSpec spec() {
    return checkpoint.spec();
  }

  /** See {@link Checkpoint#matrix}. */
  PackedMatrix matrix(String name, int rows, int columns) {
    return loaded.own(checkpoint.matrix(name, rows, columns));
  }

  /** See {@link Checkpoint#rows}. */
  PackedMatrix rows(String name, int from, int count) {
    return loaded.own(checkpoint.rows(name, from, count));
  }

  /** See {@link Checkpoint#transposedRows}. */
  PackedMatrix transposedRows(String name, int from, int count) {
    return loaded.own(checkpoint.transposedRows(name, from, count));
  }

  /** See {@link Checkpoint#stackedMatrix}. */
  StackedMatrix stackedMatrix(int columns, List<MatrixPart> parts) {
    StackedMatrix stacked = checkpoint.stackedMatrix(columns, parts);
    stacked.parts().forEach(loaded::own);
    return stacked;
  }

  /** See {@link FeedForwardBlock#load}. */
  FeedForwardBlock block(
      BlockNames names, int intermediateSize, BlockBody body, BlockComputation blocks) {
    return loaded.own(FeedForwardBlock.load(checkpoint, names, intermediateSize, body, blocks));
  }

  /** See {@link Checkpoint#vector}. */
  F32Vector vector(String name, int length) {
    return checkpoint.vector(name, length);
  }

  /** See {@link Checkpoint#values}. */
  float[] values(String name, List<Long> shape) {
    return checkpoint.values(name, shape);
  }
}
