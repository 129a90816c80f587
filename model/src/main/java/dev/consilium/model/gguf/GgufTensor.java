package dev.consilium.model.gguf;

import java.util.List;

/**
 * What a file says about one tensor.
 *
 * @param name as in the file
 * @param type how its weights are encoded
 * @param shape sizes from the outermost dimension (files state them from the innermost)
 * @param begin of its bytes, in bytes into the file
 */
public record GgufTensor(String name, GgufTensorType type, List<Long> shape, long begin) {

  public GgufTensor {
    shape = List.copyOf(shape);
  }

  /** The product of the shape. */
  public long elementCount() {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }

  /** Bytes in the file. */
  public long byteSize() {
    return type.byteSize(elementCount());
  }
}
