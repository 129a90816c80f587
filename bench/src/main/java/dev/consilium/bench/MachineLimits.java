package dev.consilium.bench;

import dev.consilium.tensor.LargeMemory;
import dev.consilium.tensor.ReadBandwidth;
import dev.consilium.tensor.ThreadTeam;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What the machine can do at most: read memory once, and multiply and add in registers. Every
 * method's operation is 1000 bytes or 1000 floating point operations, so that operations per
 * microsecond read as GB/s or GFLOP/s.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(3)
public class MachineLimits {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

  /** Bytes that are read, as many as {@link MatmulDecode} has weights. */
  static final int BYTES = 256 << 20;

  private static final int PIECE = ReadBandwidth.PIECE_BYTES;

  private static final int FMA_ROUNDS = 1 << 20;

  /** Floating point operations of a round, for vectors of 16 lanes; shorter ones do more rounds. */
  private static final int FMA_OPERATIONS = 12 * 16 * 2;

  /** Threads that read or compute. */
  @Param({"1", "2"})
  public int threads;

  private final Arena arena = Arena.ofShared();
  private MemorySegment memory = MemorySegment.NULL;
  private ThreadTeam team = new ThreadTeam("limits", 1);
  private long[] sums = {};

  @Setup(Level.Trial)
  public void setUp() {
    team = new ThreadTeam("limits", threads);
    memory = LargeMemory.allocate(arena, BYTES);
    memory.fill((byte) 3);
    sums = new long[BYTES / PIECE];
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    team.close();
    arena.close();
  }

  /** GB/s. */
  @Benchmark
  @OperationsPerInvocation(BYTES / 1000)
  public long[] read() {
    team.run(
        BYTES / PIECE,
        piece -> sums[piece] = ReadBandwidth.sumOfPiece(memory, (long) piece * PIECE));
    return sums;
  }

  /** GFLOP/s of f32; a multiply-add counts as two. */
  @Benchmark
  @OperationsPerInvocation((int) ((long) FMA_ROUNDS * FMA_OPERATIONS * 8 / 1000))
  public long[] multiplyAdd() {
    team.run(8, task -> sums[task] = (long) chains(FMA_ROUNDS / FLOATS.length() * 16));
    return sums;
  }

  /** Twelve chains: more than any machine needs to hide the latency of one. */
  private static float chains(int rounds) {
    FloatVector x = FloatVector.broadcast(FLOATS, 0.999f);
    FloatVector y = FloatVector.broadcast(FLOATS, 0.001f);
    FloatVector a = y;
    FloatVector b = y;
    FloatVector c = y;
    FloatVector d = y;
    FloatVector e = y;
    FloatVector f = y;
    FloatVector g = y;
    FloatVector h = y;
    FloatVector i = y;
    FloatVector j = y;
    FloatVector k = y;
    FloatVector l = y;
    for (int round = 0; round < rounds; round++) {
      a = a.fma(x, y);
      b = b.fma(x, y);
      c = c.fma(x, y);
      d = d.fma(x, y);
      e = e.fma(x, y);
      f = f.fma(x, y);
      g = g.fma(x, y);
      h = h.fma(x, y);
      i = i.fma(x, y);
      j = j.fma(x, y);
      k = k.fma(x, y);
      l = l.fma(x, y);
    }
    return a.add(b).add(c).add(d).add(e).add(f).add(g).add(h).add(i).add(j).add(k).add(l).lane(0);
  }
}
