package dev.consilium.model.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.consilium.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Some rows of a matrix whose MXFP4 numbers and exponents are two tensors, as {@link
 * DType#F4_BLOCKS}: so they are multiplied by activations that nothing rounds, as the reference
 * multiplies them. A stored byte holds two neighbours, low half first; a byte of ours holds numbers
 * {@code i} and {@code i + 16}.
 *
 * @param scales the exponents of the same rows as the stored numbers
 * @param from first row
 * @param step from one row to the next that is taken
 */
record Mxfp4Rows(CheckpointTensor scales, int from, int step) implements Presentation {
  /** Numbers that share an exponent. */
  static final int BLOCK = DType.F4_BLOCKS.blockElements();

  private static final int BLOCK_BYTES = DType.F4_BLOCKS.blockBytes();

  @Override
  public MemorySegment present(MemorySegment stored, TensorHeader header, Arena arena) {
    int rows = Math.toIntExact(header.shape().get(0));
    int perRow = Math.toIntExact(header.shape().get(1) / BLOCK);
    MemorySegment exponents = scales.bytes(arena);
    MemorySegment to = arena.allocate(header.byteSize(), 64);
    for (int row = 0; row < rows; row++) {
      for (int block = 0; block < perRow; block++) {
        long at = (from + (long) row * step) * perRow + block;
        long into = ((long) row * perRow + block) * BLOCK_BYTES;
        to.set(JAVA_BYTE, into, exponents.get(JAVA_BYTE, at));
        copy(stored, at * BLOCK / 2, to, into + 1);
      }
    }
    return to;
  }

  private static void copy(MemorySegment stored, long at, MemorySegment to, long into) {
    for (int i = 0; i < BLOCK / 2; i++) {
      int pair = number(stored, at, i) | (number(stored, at, i + BLOCK / 2) << 4);
      to.set(JAVA_BYTE, into + i, (byte) pair);
    }
  }

  private static int number(MemorySegment stored, long at, int i) {
    return (stored.get(JAVA_BYTE, at + i / 2) >> (i % 2 * 4)) & 15;
  }
}
