package dev.consilium.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.consilium.tensor.Bf16;
import dev.consilium.tensor.DType;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.PackedMatrix;
import dev.consilium.tensor.quant.BlockFormat;
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
      MemorySegment block = arena.allocate(DRAWN_ROWS * dtype.rowBytes(columns), 64);
      for (int row = 0; row < DRAWN_ROWS; row++) {
        float[] values = new float[columns];
        for (int i = 0; i < columns; i++) {
          values[i] = (float) random.nextGaussian() * 0.02f;
        }
        encode(dtype, values, block, row * dtype.rowBytes(columns));
      }
      List<MemorySegment> parts = Collections.nCopies(rows / DRAWN_ROWS, block);
      return PackedMatrix.pack(dtype, columns, parts);
    }
  }

  private static void encode(DType dtype, float[] values, MemorySegment into, long at) {
    if (dtype.quantised()) {
      BlockFormat format = dtype.format().orElseThrow();
      for (int i = 0; i < values.length; i += format.elements()) {
        format.quantise(values, i, into, at + (long) i / format.elements() * format.bytes());
      }
      return;
    }
    for (int i = 0; i < values.length; i++) {
      switch (dtype) {
        case F32 -> into.set(JAVA_FLOAT, at + i * 4L, values[i]);
        case BF16 -> into.set(JAVA_SHORT, at + i * 2L, Bf16.fromFloat(values[i]));
        default -> into.set(JAVA_SHORT, at + i * 2L, Float.floatToFloat16(values[i]));
      }
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
