package dev.consilium.model.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.consilium.model.family.WeightStorage.ScaleBlocks;
import dev.consilium.tensor.quant.Float8;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A matrix of 8-bit floating point numbers, each times the scale of its block, as f32. The product
 * is rounded once; it fits no shorter type.
 *
 * @param blocks that share a scale
 * @param scales {@code [ceil(rows / blocks.rows), ceil(columns / blocks.columns)]}
 */
record ScaledBytes(ScaleBlocks blocks, CheckpointTensor scales) implements Presentation {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  @Override
  public MemorySegment present(MemorySegment stored, TensorHeader header, Arena arena) {
    int rows = Math.toIntExact(header.shape().get(0));
    int columns = Math.toIntExact(header.shape().get(1));
    float[] factors = scales.floats();
    int perRow = Math.ceilDiv(columns, blocks.columns());
    MemorySegment wide = arena.allocate(header.byteSize(), 64);
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        long at = (long) row * columns + column;
        float factor = factors[row / blocks.rows() * perRow + column / blocks.columns()];
        wide.set(FLOAT, at * Float.BYTES, Float8.e4m3(stored.get(JAVA_BYTE, at)) * factor);
      }
    }
    return wide;
  }
}
