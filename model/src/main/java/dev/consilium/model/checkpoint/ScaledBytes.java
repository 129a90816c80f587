package dev.consilium.model.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.consilium.model.family.WeightStorage.ScaleBlocks;
import dev.consilium.tensor.DType;
import dev.consilium.tensor.quant.Float8;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A matrix of 8-bit floating point numbers, each times the scale of its block: as {@link
 * DType#F8_BLOCKS}, or where blocks or rows do not go into that, as f32. Both are the same weights.
 *
 * @param blocks that share a scale
 * @param scales {@code [ceil(rows / blocks.rows), ceil(columns / blocks.columns)]}
 */
record ScaledBytes(ScaleBlocks blocks, CheckpointTensor scales) implements Presentation {
  private static final int BLOCK = DType.F8_BLOCKS.blockElements();
  private static final int BLOCK_BYTES = DType.F8_BLOCKS.blockBytes();
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** How matrices of so many columns are presented. */
  static DType dtype(ScaleBlocks blocks, long columns) {
    return columns % BLOCK == 0 && blocks.columns() % BLOCK == 0 ? DType.F8_BLOCKS : DType.F32;
  }

  @Override
  public MemorySegment present(MemorySegment stored, TensorHeader header, Arena arena) {
    int rows = Math.toIntExact(header.shape().get(0));
    int columns = Math.toIntExact(header.shape().get(1));
    float[] factors = scales.floats();
    int perRow = Math.ceilDiv(columns, blocks.columns());
    MemorySegment to = arena.allocate(header.byteSize(), 64);
    boolean narrow = header.dtype().equals(DType.F8_BLOCKS.name());
    for (int row = 0; row < rows; row++) {
      int rowFactors = row / blocks.rows() * perRow;
      if (narrow) {
        narrowRow(stored, row, columns, factors, rowFactors, to);
      } else {
        wideRow(stored, row, columns, factors, rowFactors, to);
      }
    }
    return to;
  }

  private void narrowRow(
      MemorySegment stored,
      int row,
      int columns,
      float[] factors,
      int rowFactors,
      MemorySegment to) {
    long from = (long) row * columns;
    long at = from / BLOCK * BLOCK_BYTES;
    for (int column = 0; column < columns; column += BLOCK) {
      to.set(FLOAT, at, factors[rowFactors + column / blocks.columns()]);
      MemorySegment.copy(stored, from + column, to, at + Float.BYTES, BLOCK);
      at += BLOCK_BYTES;
    }
  }

  private void wideRow(
      MemorySegment stored,
      int row,
      int columns,
      float[] factors,
      int rowFactors,
      MemorySegment to) {
    for (int column = 0; column < columns; column++) {
      long at = (long) row * columns + column;
      float factor = factors[rowFactors + column / blocks.columns()];
      to.set(FLOAT, at * Float.BYTES, Float8.e4m3(stored.get(JAVA_BYTE, at)) * factor);
    }
  }
}
