package dev.consilium.model.expert;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.family.BlockBody;
import dev.consilium.model.family.BlockNames;
import dev.consilium.tensor.F32Matrix;
import java.util.List;

/**
 * A block that sees every token: a dense layer's, or a shared expert.
 *
 * <p>Threading: one computation at a time; {@link #close} after the last.
 */
public final class FeedForwardBlock implements AutoCloseable {

  private final BlockWeights weights;
  private final BlockComputation blocks;

  private FeedForwardBlock(BlockWeights weights, BlockComputation blocks) {
    this.weights = weights;
    this.blocks = blocks;
  }

  /**
   * Loads the block that {@code names} names.
   *
   * @param blocks computes it; may be that of other blocks, too
   */
  public static FeedForwardBlock load(
      Checkpoint checkpoint,
      BlockNames names,
      int intermediateSize,
      BlockBody body,
      BlockComputation blocks) {
    return new FeedForwardBlock(
        BlockWeights.load(checkpoint, names, intermediateSize, body), blocks);
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
    return blocks.compute(hidden, List.of(new BlockComputation.Block(weights, rows)), (_, _) -> {});
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
