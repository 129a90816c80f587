package dev.consilium.router.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.consilium.model.expert.RoundTo;
import dev.consilium.proto.tensor.v1.DType;
import dev.consilium.proto.tensor.v1.Tensor;
import dev.consilium.tensor.F32Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Activations to wire tensors and back. */
final class Tensors {
  private static final ValueLayout.OfFloat LE_FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort LE_SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Tensors() {}

  static DType dtype(RoundTo dtype) {
    return switch (dtype) {
      case F32 -> DType.DTYPE_F32;
      case BF16 -> DType.DTYPE_BF16;
    };
  }

  /**
   * Some rows of a matrix as a tensor {@code [rows.length, columns]}.
   *
   * @param matrix values that {@code dtype} represents exactly
   */
  static Tensor encode(F32Matrix matrix, int[] rows, RoundTo dtype, long epoch) {
    byte[] bytes = new byte[Math.multiplyExact(rows.length, rowBytes(matrix.columns(), dtype))];
    MemorySegment into = MemorySegment.ofArray(bytes);
    for (int i = 0; i < rows.length; i++) {
      long at = (long) i * rowBytes(matrix.columns(), dtype);
      switch (dtype) {
        case F32 -> copyF32(matrix, rows[i], into, at);
        case BF16 -> copyBf16(matrix, rows[i], into, at);
      }
    }
    return Tensor.newBuilder()
        .setDtype(dtype(dtype))
        .addShape(rows.length)
        .addShape(matrix.columns())
        .setData(UnsafeByteOperations.unsafeWrap(bytes)) // ours alone: nobody changes it
        .setEpoch(epoch)
        .build();
  }

  private static int rowBytes(int columns, RoundTo dtype) {
    return columns * (dtype == RoundTo.F32 ? 4 : 2);
  }

  private static void copyF32(F32Matrix matrix, int row, MemorySegment into, long at) {
    MemorySegment.copy(
        matrix.segment(),
        ValueLayout.JAVA_FLOAT,
        matrix.offset(row),
        into,
        LE_FLOAT,
        at,
        matrix.columns());
  }

  private static void copyBf16(F32Matrix matrix, int row, MemorySegment into, long at) {
    for (int column = 0; column < matrix.columns(); column++) {
      int bits = Float.floatToRawIntBits(matrix.get(row, column));
      into.set(LE_SHORT, at + 2L * column, (short) (bits >>> 16));
    }
  }

  /**
   * Reads a tensor that must be {@code [rows, columns]} of {@code dtype}.
   *
   * @throws IllegalArgumentException if dtype, shape or size is another, naming both
   */
  static F32Matrix decode(Tensor tensor, int rows, int columns, RoundTo dtype) {
    if (tensor.getDtype() != dtype(dtype)) {
      throw new IllegalArgumentException(
          "tensor of dtype %s (%d): expected %s"
              .formatted(tensor.getDtype(), tensor.getDtypeValue(), dtype(dtype)));
    }
    int rowBytes = rowBytes(columns, dtype);
    ByteString data = tensor.getData();
    if (tensor.getShapeCount() != 2
        || tensor.getShape(0) != rows
        || tensor.getShape(1) != columns
        || data.size() != (long) rows * rowBytes) {
      throw new IllegalArgumentException(
          "tensor of shape %s and %d bytes: expected [%d, %d] and %d bytes"
              .formatted(
                  tensor.getShapeList(), data.size(), rows, columns, (long) rows * rowBytes));
    }
    F32Matrix matrix = F32Matrix.allocate(Math.max(1, rows), columns);
    ByteBuffer buffer = data.asReadOnlyByteBuffer();
    MemorySegment from = MemorySegment.ofBuffer(buffer);
    for (int row = 0; row < rows; row++) {
      long at = (long) row * rowBytes;
      switch (dtype) {
        case F32 -> readF32(from, at, matrix, row);
        case BF16 -> readBf16(from, at, matrix, row);
      }
    }
    return matrix;
  }

  private static void readF32(MemorySegment from, long at, F32Matrix into, int row) {
    MemorySegment.copy(
        from,
        LE_FLOAT,
        at,
        into.segment(),
        ValueLayout.JAVA_FLOAT,
        into.offset(row),
        into.columns());
  }

  private static void readBf16(MemorySegment from, long at, F32Matrix into, int row) {
    for (int column = 0; column < into.columns(); column++) {
      int bits = from.get(LE_SHORT, at + 2L * column) << 16;
      into.set(row, column, Float.intBitsToFloat(bits));
    }
  }
}
