package dev.consilium.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;

/**
 * Memory for the parts of a quantised product, for as many at once as there are slots, and where
 * the parts are in a slot, in bytes. A thread has one slot at a time.
 *
 * <p>One constant segment for all threads: so the compiler knows its kind and its size, and that
 * masked offsets are inside. With a segment of each thread, or slices of constant sizes, that hangs
 * on which calls it saw often enough to inline them: products were slow in one process and fast in
 * the next.
 */
final class TileMemory {
  static final int TOKENS = 4;

  /** Panels of a tile at most. */
  static final int MOST_PANELS = 6;

  /**
   * Blocks whose quants are widened and pass all tokens at once: 32 KiB, for the innermost cache.
   */
  static final int PASS = 4;

  /** Blocks whose scales are widened at once; whole blocks of 256 columns. */
  static final int CHUNK = 8;

  /** Blocks whose dot products are taken at once where tokens are few. */
  static final int CHUNK_OF_FEW = 8 * CHUNK;

  /**
   * Groups of columns with a scale of their own in any chunk, or parts of their dot products, at
   * most; a power of two.
   */
  static final int CHUNK_GROUPS = 2 * CHUNK_OF_FEW;

  /** Groups of columns with a scale of their own in a pass, at most. */
  static final int MOST_GROUPS = 2 * PASS;

  /** Of one column of weights, and of the dot products of a group and one token. */
  static final long COLUMN_BYTES = 256;

  /** The index of the last vector in these. */
  static final int LAST_VECTOR = (int) (COLUMN_BYTES / Lanes.BYTES) - 1;

  static final long DOTS_BYTES = TOKENS * COLUMN_BYTES;

  /** A number of 32 bits for each row of a panel. */
  static final long PANEL_BYTES = QuantLayout.ROWS * 4L;

  /** Of the rows of a tile at most: of the scales of a group, and of the sums of a token. */
  static final long ROWS_BYTES = MOST_PANELS * PANEL_BYTES;

  /** {@code [column][row]}, as the tiles want them. */
  static final long WEIGHTS_AT = 0;

  /** {@code [group][token][row]} of a pass; of few tokens {@code [group][part][row]} of a chunk. */
  static final long DOTS_AT = PASS * QuantLayout.BLOCK * COLUMN_BYTES;

  /** Quants as bytes, {@code [panel][block]} of a pass, where they are not that in the weights. */
  static final long BYTES_AT =
      DOTS_AT + Math.max(MOST_GROUPS * DOTS_BYTES, CHUNK_GROUPS * PANEL_BYTES);

  /** Scales of a chunk, {@code [group][row]}, and from there to its minima. */
  static final long SCALES_AT = BYTES_AT + TripleTiles.PANELS * PASS * QuantBytes.BLOCK_BYTES;

  static final long TO_MINIMA = CHUNK_GROUPS * ROWS_BYTES;

  /** {@code [token][row]}. */
  static final long SUMS_AT = SCALES_AT + TO_MINIMA + CHUNK_OF_FEW * ROWS_BYTES;

  /** With a tile more, for all that offsets may be after they were masked. */
  static final long SLOT_BYTES = SUMS_AT + (WidenedTokens.MOST + TOKENS) * ROWS_BYTES;

  /** A power of two; so many that threads that run hardly ever wait for one that was stopped. */
  static final int SLOTS =
      Integer.highestOneBit(4 * Runtime.getRuntime().availableProcessors() - 1);

  static final MemorySegment ALL = Arena.global().allocate(SLOTS * SLOT_BYTES, F32Matrix.ALIGNMENT);

  /** 1 for each slot that is taken. */
  private static final AtomicIntegerArray TAKEN = new AtomicIntegerArray(SLOTS);

  private TileMemory() {}

  /** Takes a slot, the preferred one if it is free; waits until one is. */
  static int take(int preferred) {
    int slot = preferred;
    while (!TAKEN.compareAndSet(slot, 0, 1)) {
      slot = (slot + 1) % SLOTS;
      if (slot == preferred) {
        LockSupport.parkNanos(10_000);
      }
    }
    return slot;
  }

  static void giveBack(int slot) {
    TAKEN.set(slot, 0);
  }

  /** Where a slot begins. */
  static long at(int slot) {
    return slot * SLOT_BYTES;
  }
}
