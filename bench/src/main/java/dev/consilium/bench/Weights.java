package dev.consilium.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.consilium.tensor.Bf16;
import dev.consilium.tensor.DType;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.PackedMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** Random matrices of the sizes that benchmarks need. */
final class Weights {
  /** Rows that are drawn; more rows repeat them, for drawing takes longer than packing. */
  private static final int DRAWN_ROWS = 64;

  private Weights() {}

  /** Weights {@code [rows, columns]} of the order of 0.02; rows a multiple of 64. */
  static PackedMatrix packed(DType dtype, int rows, int columns) {
    Random random = new Random(1);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment block = arena.allocate((long) DRAWN_ROWS * columns * dtype.bytes(), 64);
      for (long i = 0; i < (long) DRAWN_ROWS * columns; i++) {
        float weight = (float) random.nextGaussian() * 0.02f;
        switch (dtype) {
          case F32 -> block.setAtIndex(JAVA_FLOAT, i, weight);
          case BF16 -> block.setAtIndex(JAVA_SHORT, i, Bf16.fromFloat(weight));
          case F16 -> block.setAtIndex(JAVA_SHORT, i, Float.floatToFloat16(weight));
        }
      }
      List<MemorySegment> parts = Collections.nCopies(rows / DRAWN_ROWS, block);
      return PackedMatrix.pack(dtype, columns, parts);
    }
  }

  /** Activations of the order of 1. */
  static F32Matrix activations(int rows, int columns) {
    Random random = new Random(2);
    F32Matrix matrix = F32Matrix.allocate(rows, columns);
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        matrix.set(row, column, (float) random.nextGaussian());
      }
    }
    return matrix;
  }

  /** The rows 0 to {@code count - 1}. */
  static int[] rows(int count) {
    return IntStream.range(0, count).toArray();
  }
}
