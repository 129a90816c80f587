package dev.consilium.model.checkpoint;

import dev.consilium.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Some rows of a stored matrix, in memory.
 *
 * @param dtype how they are encoded
 * @param rows how many
 * @param columns of each
 * @param bytes row after row
 */
record MatrixRows(DType dtype, int rows, int columns, MemorySegment bytes) {

  /** Rows {@code from .. from + count - 1} of a matrix. */
  static MatrixRows of(CheckpointTensor tensor, int from, int count) {
    if (tensor.shape().size() != 2 || from < 0 || from + (long) count > tensor.shape().get(0)) {
      throw tensor.wrong(
          "shape is %s, want a matrix with rows %d to %d"
              .formatted(tensor.shape(), from, from + (long) count - 1));
    }
    int columns = Math.toIntExact(tensor.shape().get(1));
    long rowBytes = tensor.dtype().rowBytes(columns);
    byte[] copy = new byte[Math.toIntExact(rowBytes * count)];
    tensor.withBytes(
        bytes -> MemorySegment.ofArray(copy).copyFrom(bytes.asSlice(from * rowBytes, copy.length)));
    return new MatrixRows(tensor.dtype(), count, columns, MemorySegment.ofArray(copy));
  }

  /** The same with columns as rows; what is in blocks along a row becomes f32. */
  MatrixRows transposed() {
    MatrixRows plain = widened();
    int size = plain.dtype.bytes();
    byte[] turned = new byte[Math.toIntExact(plain.bytes.byteSize())];
    MemorySegment into = MemorySegment.ofArray(turned);
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        long from = ((long) row * columns + column) * size;
        MemorySegment.copy(plain.bytes, from, into, ((long) column * rows + row) * size, size);
      }
    }
    return new MatrixRows(plain.dtype, columns, rows, into);
  }

  private MatrixRows widened() {
    if (dtype.format().isEmpty()) {
      return this;
    }
    var format = dtype.format().get();
    float[] values = new float[rows * columns];
    for (int block = 0; block < values.length / format.elements(); block++) {
      format.dequantise(bytes, (long) block * format.bytes(), values, block * format.elements());
    }
    ByteBuffer wide =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    wide.asFloatBuffer().put(values);
    return new MatrixRows(DType.F32, rows, columns, MemorySegment.ofArray(wide.array()));
  }
}
