package dev.consilium.model.checkpoint;

import java.util.List;

/**
 * What a file says about a tensor.
 *
 * @param name as in the file
 * @param dtype element type by its safetensors name, for example {@code BF16}
 * @param shape sizes from the outermost dimension; empty for a scalar
 * @param byteSize bytes in the file
 */
public record TensorHeader(String name, String dtype, List<Long> shape, long byteSize) {

  public TensorHeader {
    shape = List.copyOf(shape);
  }

  /** The product of the shape. */
  public long elementCount() {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }
}
