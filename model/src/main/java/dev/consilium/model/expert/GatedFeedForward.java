package dev.consilium.model.expert;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.family.BlockBody;
import dev.consilium.model.family.GatedNames;
import dev.consilium.tensor.F32Matrix;
import java.util.List;

/**
 * A block that sees every token: a dense layer's, or a shared expert.
 *
 * <p>Threading: one computation at a time; {@link #close} after the last.
 */
public final class GatedFeedForward implements AutoCloseable {

  private final GatedWeights weights;
  private final GatedBlocks blocks;

  private GatedFeedForward(GatedWeights weights, GatedBlocks blocks) {
    this.weights = weights;
    this.blocks = blocks;
  }

  /**
   * Loads the block that {@code names} names.
   *
   * @param blocks computes it; may be that of other blocks, too
   */
  public static GatedFeedForward load(
      Checkpoint checkpoint,
      GatedNames names,
      int intermediateSize,
      BlockBody body,
      GatedBlocks blocks) {
    return new GatedFeedForward(
        GatedWeights.load(checkpoint, names, intermediateSize, body), blocks);
  }

  /**
   * Computes some rows.
   *
   * @param hidden {@code [tokens, hiddenSize]}
   * @param rows of {@code hidden}; not changed while this runs
   * @return {@code [rows.length, hiddenSize]}, in the order of {@code rows}, valid until the blocks
   *     compute again
   */
  public F32Matrix compute(F32Matrix hidden, int[] rows) {
    return blocks.compute(hidden, List.of(new GatedBlocks.Block(weights, rows)), (_, _) -> {});
  }

  /** Bytes of memory that the weights take. */
  public long memoryBytes() {
    return weights.memoryBytes();
  }

  @Override
  public void close() {
    weights.close();
  }
}
