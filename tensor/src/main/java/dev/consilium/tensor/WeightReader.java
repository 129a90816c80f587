package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;

/**
 * Reads weights into the second cache before they are multiplied, for kernels in Java, which have
 * no other way to fetch them. A loop of products fills the processor's queue with the operations on
 * a few lines of memory, and so has few of them on their way at a time; a loop that only reads has
 * many.
 *
 * <p>Not for several threads at once.
 */
final class WeightReader {
  /**
   * At once: every beginning waits for memory, and the second cache holds several times as much.
   */
  private static final long BYTES = 128 << 10;

  static final long LINE_BYTES = 64;

  /** Of a thread that waits. */
  private static final ThreadLocal<WeightReader> IDLE = ThreadLocal.withInitial(WeightReader::new);

  // Addresses between which memory was read last.
  private long from;
  private long end;

  /** What was read: kept so that the reads are not optimised away. */
  @SuppressWarnings("UnusedVariable") // written for that reason only
  private int last;

  /** Reads on from {@code at}, unless the bytes there have been read by the call before. */
  void ensure(MemorySegment weights, long at, long bytes) {
    long address = weights.address() + at;
    if (address >= from && address + bytes <= end) {
      return;
    }
    long to = Math.min(at + BYTES, weights.byteSize());
    read(weights, at, to);
    from = address;
    end = weights.address() + to;
  }

  /** Reads weights that may be closed meanwhile, and then are not multiplied either. */
  static void readAhead(MemorySegment weights, long at, long to) {
    try {
      IDLE.get().read(weights, at, to);
    } catch (IllegalStateException _) {
      // Closed.
    }
  }

  /** Reads a line after the other. */
  void read(MemorySegment weights, long at, long to) {
    int sum = 0;
    for (long line = at; line < to; line += LINE_BYTES) {
      sum += weights.get(JAVA_INT, line);
    }
    last = sum;
  }
}
