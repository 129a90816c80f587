package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;

/**
 * Row-major weights as they are stored: in memory, or in a file that is read when they are asked
 * for.
 */
public interface StoredBytes {

  /** How many there are. */
  long byteSize();

  /**
   * Copies some of them.
   *
   * @param from the first, in bytes from the beginning
   * @param into off-heap memory of as many bytes as are wanted
   */
  void copy(long from, MemorySegment into);

  /** Those of some memory. */
  static StoredBytes of(MemorySegment memory) {
    return new StoredBytes() {
      @Override
      public long byteSize() {
        return memory.byteSize();
      }

      @Override
      public void copy(long from, MemorySegment into) {
        MemorySegment.copy(memory, from, into, 0, into.byteSize());
      }
    };
  }
}
