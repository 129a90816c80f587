package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.LongAdder;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * How fast the machine reads memory with some threads: the limit of everything that reads weights
 * once. A plain loop that adds what it reads.
 *
 * <p>Threading: any thread; the team does the reading.
 */
public final class ReadBandwidth {
  /** Bytes that one task reads: in the order of a panel of weights. */
  public static final int PIECE_BYTES = 256 << 10;

  private static final int PASSES = 10;
  private static final boolean VECTORS = KernelChoice.JAVA instanceof VectorKernels;

  private ReadBandwidth() {}

  /**
   * Reads memory several times and tells how fast the fastest pass was.
   *
   * @param bytes of the memory that is read, allocated for the time of the call; filled up to a
   *     multiple of {@value #PIECE_BYTES}. To be larger than any cache
   * @return bytes per second
   */
  public static double measure(ThreadTeam team, long bytes) {
    int pieces = Math.toIntExact(Math.ceilDiv(bytes, PIECE_BYTES));
    LongAdder sums = new LongAdder();
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = LargeMemory.allocate(arena, (long) pieces * PIECE_BYTES);
      team.run(pieces, piece -> piece(memory, piece).fill((byte) 1));
      long best = Long.MAX_VALUE;
      for (int pass = 0; pass < PASSES; pass++) {
        long start = System.nanoTime();
        team.run(pieces, piece -> sums.add(sumOfPiece(memory, (long) piece * PIECE_BYTES)));
        best = Math.min(best, System.nanoTime() - start);
      }
      requireRead(sums.sum(), (long) PASSES * pieces);
      return (double) pieces * PIECE_BYTES / (best / 1e9);
    }
  }

  private static MemorySegment piece(MemorySegment memory, int piece) {
    return memory.asSlice((long) piece * PIECE_BYTES, PIECE_BYTES);
  }

  /** Reads every long of a piece: the sum says that nothing was left out. */
  private static void requireRead(long sum, long pieces) {
    long expected = pieces * (PIECE_BYTES / Long.BYTES) * 0x0101010101010101L;
    if (sum != expected) {
      throw new IllegalStateException("read a sum of " + sum + ", expected " + expected);
    }
  }

  /** The sum of the {@value #PIECE_BYTES} bytes from {@code from} on, as longs. */
  public static long sumOfPiece(MemorySegment memory, long from) {
    return VECTORS ? Vectors.sum(memory, from) : scalarSum(memory, from);
  }

  static long scalarSum(MemorySegment memory, long from) {
    long a = 0;
    long b = 0;
    long c = 0;
    long d = 0;
    for (int i = 0; i < PIECE_BYTES; i += 4 * Long.BYTES) {
      long at = from + i;
      a += memory.get(JAVA_LONG, at);
      b += memory.get(JAVA_LONG, at + 8);
      c += memory.get(JAVA_LONG, at + 16);
      d += memory.get(JAVA_LONG, at + 24);
    }
    return a + b + c + d;
  }

  /** A class of its own: not loaded where the JVM has no vector module. */
  private static final class Vectors {
    private static final VectorSpecies<Long> LONGS = LongVector.SPECIES_PREFERRED;

    private Vectors() {}

    static long sum(MemorySegment memory, long from) {
      LongVector a = LongVector.zero(LONGS);
      LongVector b = a;
      LongVector c = a;
      LongVector d = a;
      int step = LONGS.vectorByteSize();
      for (int i = 0; i < PIECE_BYTES; i += 4 * step) {
        long at = from + i;
        a = a.add(load(memory, at));
        b = b.add(load(memory, at + step));
        c = c.add(load(memory, at + 2L * step));
        d = d.add(load(memory, at + 3L * step));
      }
      return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
    }

    private static LongVector load(MemorySegment memory, long at) {
      return LongVector.fromMemorySegment(LONGS, memory, at, ByteOrder.nativeOrder());
    }
  }
}
