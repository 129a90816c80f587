package dev.consilium.model.checkpoint;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * In which order a file holds the rows of a tensor.
 *
 * @param heads how many runs of rows are interleaved, each by itself; 0: no row is
 */
public record RowOrder(int heads) {

  /** As we use them. */
  public static final RowOrder AS_STORED = new RowOrder(0);

  /**
   * Row {@code 2 i + j} of a head's rows is our row {@code j * n / 2 + i}, {@code n} being the rows
   * of a head: so files hold query and key projections whose rotary pairs are neighbours.
   */
  public static RowOrder interleaved(int heads) {
    return new RowOrder(heads);
  }

  /** The rows in our order: the bytes themselves, or a copy in the arena. */
  MemorySegment undo(MemorySegment stored, TensorHeader header, Arena arena) {
    return heads == 0 ? stored : reordered(stored, header, arena, true);
  }

  /** The rows in the file's order: the bytes themselves, or a copy in the arena. */
  public MemorySegment apply(MemorySegment ours, TensorHeader header, Arena arena) {
    return heads == 0 ? ours : reordered(ours, header, arena, false);
  }

  private MemorySegment reordered(
      MemorySegment from, TensorHeader header, Arena arena, boolean undo) {
    int rows = Math.toIntExact(header.shape().getFirst());
    if (rows % (2 * heads) != 0) {
      throw new IllegalArgumentException(
          "tensor %s has %d rows, want a multiple of twice its %d heads"
              .formatted(header.name(), rows, heads));
    }
    int half = rows / heads / 2;
    long rowBytes = header.byteSize() / rows;
    MemorySegment to = arena.allocate(header.byteSize(), 64);
    for (int row = 0; row < rows; row++) {
      int head = row / (2 * half);
      int inHead = row % (2 * half);
      int stored = (head * half + inHead % half) * 2 + inHead / half;
      long ourOffset = row * rowBytes;
      long storedOffset = stored * rowBytes;
      MemorySegment.copy(
          from, undo ? storedOffset : ourOffset, to, undo ? ourOffset : storedOffset, rowBytes);
    }
    return to;
  }
}
