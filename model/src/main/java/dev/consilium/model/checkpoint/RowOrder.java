package dev.consilium.model.checkpoint;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * In which order a file holds the rows of a tensor.
 *
 * @param heads how many runs of rows there are, each with an order of its own; 0: all rows are as
 *     we use them
 * @param interleaved how many rows of each run are interleaved; 0: all
 * @param atEnd whether these are the last rows of each run, not the first
 */
public record RowOrder(int heads, int interleaved, boolean atEnd) {

  /** As we use them. */
  public static final RowOrder AS_STORED = new RowOrder(0, 0, false);

  /**
   * Row {@code 2 i + j} of a head's rows is our row {@code j * n / 2 + i}, {@code n} being the rows
   * of a head: so files hold query and key projections whose rotary pairs are neighbours.
   */
  public static RowOrder interleaved(int heads) {
    return new RowOrder(heads, 0, false);
  }

  /** As {@link #interleaved(int)}, but only the first {@code rows} rows of each head. */
  public static RowOrder interleaved(int heads, int rows) {
    return new RowOrder(heads, rows, false);
  }

  /** As {@link #interleaved(int)}, but only the last {@code rows} rows of each head. */
  public static RowOrder interleavedEnds(int heads, int rows) {
    return new RowOrder(heads, rows, true);
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
    int ofHead = rows / heads;
    int turned = interleaved == 0 ? ofHead : interleaved;
    if (rows % heads != 0 || turned % 2 != 0 || turned > ofHead) {
      throw new IllegalArgumentException(
          "tensor %s has %d rows, which are not %d heads with %s rows in pairs"
              .formatted(header.name(), rows, heads, interleaved == 0 ? "all" : "" + interleaved));
    }
    int first = atEnd ? ofHead - turned : 0;
    long rowBytes = header.byteSize() / rows;
    MemorySegment to = arena.allocate(header.byteSize(), 64);
    for (int row = 0; row < rows; row++) {
      int inTurned = row % ofHead - first;
      boolean stays = inTurned < 0 || inTurned >= turned;
      int stored = stays ? row : row - inTurned + neighbour(inTurned, turned / 2);
      long ourOffset = row * rowBytes;
      long storedOffset = stored * rowBytes;
      MemorySegment.copy(
          from, undo ? storedOffset : ourOffset, to, undo ? ourOffset : storedOffset, rowBytes);
    }
    return to;
  }

  private static int neighbour(int row, int half) {
    return row % half * 2 + row / half;
  }
}
