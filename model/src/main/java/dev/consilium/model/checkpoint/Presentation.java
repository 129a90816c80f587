package dev.consilium.model.checkpoint;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** How the bytes that a file holds become those of the tensor that we read there. */
interface Presentation {
  /** The bytes are those. */
  Presentation AS_STORED = (stored, header, arena) -> stored;

  /**
   * Makes the tensor's bytes of the file's.
   *
   * @param stored read-only, at any alignment
   * @param header of the tensor as it is to be read
   * @param arena for a copy, if need be
   */
  MemorySegment present(MemorySegment stored, TensorHeader header, Arena arena);

  /**
   * Some columns of a stored matrix as rows.
   *
   * @param rows of the stored matrix
   * @param columns of the stored matrix
   * @param from first column
   * @param step from one column to the next that is taken
   */
  record Columns(int rows, int columns, int from, int step) implements Presentation {
    @Override
    public MemorySegment present(MemorySegment stored, TensorHeader header, Arena arena) {
      int size = Math.toIntExact(stored.byteSize() / rows / columns);
      int taken = Math.toIntExact(header.byteSize() / size / rows);
      MemorySegment to = arena.allocate(header.byteSize(), 64);
      // Tiles of both, so that neither side walks through memory line by line.
      int tile = 32;
      for (int row = 0; row < rows; row += tile) {
        for (int i = 0; i < taken; i += tile) {
          copy(stored, to, size, row, Math.min(rows, row + tile), i, Math.min(taken, i + tile));
        }
      }
      return to;
    }

    private void copy(
        MemorySegment stored, MemorySegment to, int size, int row, int endRow, int i, int end) {
      for (int k = i; k < end; k++) {
        for (int r = row; r < endRow; r++) {
          long at = ((long) r * columns + from + (long) k * step) * size;
          MemorySegment.copy(stored, at, to, ((long) k * rows + r) * size, size);
        }
      }
    }
  }
}
