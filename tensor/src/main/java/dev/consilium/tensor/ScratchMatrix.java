package dev.consilium.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory for a matrix that is needed again and again, in changing sizes. It grows to the largest
 * that was asked for and is kept: fresh memory costs a page fault for every page, at every use.
 *
 * <p>Threading: one owner at a time.
 */
public final class ScratchMatrix {
  private MemorySegment memory = MemorySegment.NULL;

  /**
   * A matrix in this memory; whatever was there before shows through.
   *
   * @param rows 0 or more
   * @param columns 1 or more
   * @return valid until the next call
   */
  public F32Matrix of(int rows, int columns) {
    long bytes = F32Matrix.byteSize(rows, columns);
    if (memory.byteSize() < bytes) {
      memory = MemorySegment.NULL; // let go of it first
      memory = LargeMemory.allocate(Arena.ofAuto(), bytes);
    }
    return F32Matrix.over(memory, rows, columns);
  }
}
