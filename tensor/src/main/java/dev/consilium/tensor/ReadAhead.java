package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * What a thread does while it waits for a product with weights that are known already: it reads the
 * first of its share into its cache. The threads begin where {@link ThreadTeam#runStretches} has
 * them begin, if the matrices are of one size.
 */
final class ReadAhead implements ThreadTeam.IdleWork {
  /** Half of a second cache, which many threads have to themselves. */
  private static final long MOST_BYTES = 1 << 20;

  /** A quarter of a microsecond, where memory gives a thread 16 GB/s. */
  private static final long STEP_BYTES = 4096;

  /** Longs between what two threads write: a cache line. */
  private static final int APART = 8;

  /** Reads weights: {@link Kernels#readAhead}. */
  interface Reader {
    void read(MemorySegment weights, long at, long bytes);
  }

  private final Reader reader;

  /** In which weights each thread reads. */
  private final MemorySegment[] weights;

  /** Where in these it reads next, by thread. */
  private final long[] next;

  private final long[] end;

  /**
   * @param matrices in the order in which they are multiplied
   */
  ReadAhead(List<PackedMatrix> matrices, int threads, Reader reader) {
    this.reader = reader;
    this.weights = new MemorySegment[threads];
    Arrays.fill(this.weights, MemorySegment.NULL);
    this.next = new long[threads * APART];
    this.end = new long[threads * APART];
    long bytes = 0;
    for (PackedMatrix matrix : matrices) {
      bytes += matrix.byteSize();
    }
    for (int thread = 0; thread < threads; thread++) {
      begin(thread, matrices, bytes * thread / threads);
    }
  }

  /**
   * With a whole line of the cache, and to the end of the matrix at most, which is far enough in
   * matrices of any size.
   */
  private void begin(int thread, List<PackedMatrix> matrices, long skip) {
    for (PackedMatrix matrix : matrices) {
      if (skip < matrix.byteSize()) {
        weights[thread] = matrix.segment();
        long from = skip / WeightReader.LINE_BYTES * WeightReader.LINE_BYTES;
        next[thread * APART] = from;
        end[thread * APART] = Math.min(from + MOST_BYTES, matrix.byteSize());
        return;
      }
      skip -= matrix.byteSize();
    }
  }

  @Override
  public boolean step(int thread) {
    int place = thread * APART;
    long from = next[place];
    if (from >= end[place]) {
      return false;
    }
    next[place] = from + STEP_BYTES;
    reader.read(weights[thread], from, Math.min(STEP_BYTES, end[place] - from));
    return true;
  }
}
