package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The quantised activations of the tokens of a job.
 *
 * @param blocks rows of {@link QuantBlock}s
 * @param offsets for each token a long: where its row starts in blocks
 * @param offsetsAt where the offset of the job's first token is
 * @param version what else is quantised into the same memory has another one, which lets kernels
 *     keep what they made of it
 */
record QuantisedTokens(MemorySegment blocks, MemorySegment offsets, long offsetsAt, long version) {
  private static final AtomicLong VERSIONS = new AtomicLong();

  /** A version that nothing had before; not 0. */
  static long newVersion() {
    return VERSIONS.incrementAndGet();
  }

  /** Quantises the rows of one job into new memory. */
  static QuantisedTokens of(Kernels kernels, MatmulJob job) {
    int columns = job.weights().columns();
    long rowBytes = rowBytes(columns);
    MemorySegment blocks = Arena.ofAuto().allocate(job.tokens() * rowBytes, QuantBlock.BYTES);
    MemorySegment offsets = Arena.ofAuto().allocate(job.tokens() * 8L + 8, 8);
    for (int token = 0; token < job.tokens(); token++) {
      offsets.setAtIndex(JAVA_LONG, token, token * rowBytes);
      kernels.quantise(job.x().segment(), job.xOffset(token), columns, blocks, token * rowBytes);
    }
    return new QuantisedTokens(blocks, offsets, 0, newVersion());
  }

  /** Bytes of a quantised row. */
  static long rowBytes(int columns) {
    return (long) columns / QuantLayout.BLOCK * QuantBlock.BYTES;
  }

  /** Where the row of a token starts in {@link #blocks}. */
  long offset(int token) {
    return offsets.get(JAVA_LONG, offsetsAt + token * 8L);
  }
}
