package dev.consilium.expertnode.execution;

import dev.consilium.tensor.F32Matrix;
import java.lang.foreign.MemorySegment;

/**
 * Hidden states as they arrived: {@code [tokens, hiddenSize]}, row-major, without gaps.
 *
 * <p>Whether they are finite is not looked at: an element that is not spoils the rows of its own
 * token and no other, and its sender meets it again in the logits.
 *
 * @param bytes at least {@code tokens * hiddenSize} elements
 */
public record HiddenStates(ElementType type, int tokens, int hiddenSize, MemorySegment bytes) {

  public HiddenStates {
    long wanted = (long) tokens * hiddenSize * type.bytes();
    if (bytes.byteSize() != wanted) {
      throw new IllegalArgumentException(
          "%d bytes for [%d, %d] of %s, expected %d"
              .formatted(bytes.byteSize(), tokens, hiddenSize, type, wanted));
    }
  }

  /** Copies all rows, the first one to {@code firstRow}. */
  void copyTo(F32Matrix matrix, int firstRow) {
    long stride = (long) hiddenSize * type.bytes();
    for (int token = 0; token < tokens; token++) {
      type.read(bytes, token * stride, matrix, firstRow + token);
    }
  }
}
