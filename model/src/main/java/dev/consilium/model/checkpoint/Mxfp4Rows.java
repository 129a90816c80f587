package dev.consilium.model.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.consilium.tensor.Bf16;
import dev.consilium.tensor.quant.BlockFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Some rows of a matrix whose MXFP4 numbers and exponents are two tensors, as BF16, which holds
 * each product of the two exactly: so they are multiplied by activations that nothing rounds, as
 * the reference multiplies them. A stored byte holds two neighbours, low half first.
 *
 * @param scales the exponents of the same rows as the stored numbers
 * @param from first row
 * @param step from one row to the next that is taken
 */
record Mxfp4Rows(CheckpointTensor scales, int from, int step) implements Presentation {
  /** Numbers that share an exponent. */
  static final int BLOCK = 32;

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  @Override
  public MemorySegment present(MemorySegment stored, TensorHeader header, Arena arena) {
    int rows = Math.toIntExact(header.shape().get(0));
    int perRow = Math.toIntExact(header.shape().get(1) / BLOCK);
    MemorySegment exponents = scales.bytes(arena);
    MemorySegment to = arena.allocate(header.byteSize(), 64);
    MemorySegment block = arena.allocate(BlockFormat.MXFP4.bytes());
    float[] values = new float[BLOCK];
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < perRow; i++) {
        long at = (from + (long) row * step) * perRow + i;
        block.set(JAVA_BYTE, 0, exponents.get(JAVA_BYTE, at));
        copy(stored, at * BLOCK / 2, block);
        BlockFormat.MXFP4.dequantise(block, 0, values, 0);
        write(values, to, ((long) row * perRow + i) * BLOCK * Short.BYTES);
      }
    }
    return to;
  }

  /** The numbers in the order of {@link BlockFormat#MXFP4}: {@code i} beside {@code i + 16}. */
  private static void copy(MemorySegment stored, long at, MemorySegment block) {
    for (int i = 0; i < BLOCK / 2; i++) {
      int pair = number(stored, at, i) | (number(stored, at, i + BLOCK / 2) << 4);
      block.set(JAVA_BYTE, 1 + i, (byte) pair);
    }
  }

  private static int number(MemorySegment stored, long at, int i) {
    return (stored.get(JAVA_BYTE, at + i / 2) >> (i % 2 * 4)) & 15;
  }

  private static void write(float[] values, MemorySegment to, long at) {
    for (int i = 0; i < BLOCK; i++) {
      to.set(SHORT, at + (long) i * Short.BYTES, Bf16.fromFloat(values[i]));
    }
  }
}
