package dev.consilium.bench;

import dev.consilium.tensor.AttentionJob;
import dev.consilium.tensor.AttentionShape;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.KvBlocks;
import dev.consilium.tensor.KvDType;
import dev.consilium.tensor.LargeMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Attention of one layer with 16 query heads, 4 key/value heads and a head dimension of 128,
 * through {@link CpuDevice#attend}. Kernels in Java: start with {@code -jvmArgsAppend
 * -Dconsilium.native=off}.
 *
 * <ul>
 *   <li>{@code prefill}: the first 512 tokens of a sequence. {@code gigaflops} counts what the
 *       causal triangle needs, 4 operations for each key, query head and element; compare with
 *       {@link MachineLimits#multiplyAdd}.
 *   <li>{@code decode}: one token of each of eight sequences of 4096 tokens, more than the caches
 *       of most machines hold. {@code gigabytes} are bytes of the cache; compare with {@link
 *       MachineLimits#read}.
 * </ul>
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(3)
public class Attention {
  private static final int HEADS = 16;
  private static final int KV_HEADS = 4;
  private static final int HEAD_DIM = 128;
  private static final int PROMPT = 512;
  private static final int DEPTH = 4096;
  private static final int SEQUENCES = 8;
  private static final int LAYERS = 4;

  /** Threads that compute. */
  @Param({"1", "2"})
  public int threads;

  @Param({"best", "scalar"})
  public String kernels = "best";

  @Param public KvDType dtype = KvDType.F32;

  private final F32Matrix query = Weights.activations(PROMPT, HEADS * HEAD_DIM);
  private final F32Matrix out = F32Matrix.allocate(PROMPT, HEADS * HEAD_DIM);
  private final Arena arena = Arena.ofShared();
  private CpuDevice device = new CpuDevice(1);
  private AttentionShape shape = new AttentionShape(HEADS, KV_HEADS, HEAD_DIM, 0.09f, dtype);
  private List<AttentionJob> prefill = List.of();
  private final List<List<AttentionJob>> decode = new ArrayList<>();

  /** Work done by an iteration, in thousands of millions; JMH divides it by the seconds. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Work {
    public double gigaflops;
    public double gigabytes;

    @Setup(Level.Iteration)
    public void clear() {
      gigaflops = 0;
      gigabytes = 0;
    }
  }

  @Setup(Level.Trial)
  public void setUp() {
    device.close();
    Kernels used = kernels.equals("scalar") ? Kernels.scalar() : Kernels.best();
    device = new CpuDevice(threads, used);
    shape = new AttentionShape(HEADS, KV_HEADS, HEAD_DIM, 0.09f, dtype);
    KvBlocks prompt = cache(PROMPT);
    prefill = List.of(new AttentionJob(shape, prompt, 0, PROMPT, Integer.MAX_VALUE, query, out, 0));
    for (int layer = 0; layer < LAYERS; layer++) {
      List<AttentionJob> jobs = new ArrayList<>();
      for (int i = 0; i < SEQUENCES; i++) {
        KvBlocks cache = cache(DEPTH);
        jobs.add(new AttentionJob(shape, cache, DEPTH - 1, 1, Integer.MAX_VALUE, query, out, i));
      }
      decode.add(jobs);
    }
  }

  private KvBlocks cache(int tokens) {
    long[] offsets = new long[tokens / AttentionShape.BLOCK_TOKENS];
    for (int block = 0; block < offsets.length; block++) {
      offsets[block] = block * shape.blockBytes();
    }
    MemorySegment pool = LargeMemory.allocate(arena, offsets.length * shape.blockBytes());
    KvBlocks cache = KvBlocks.of(pool, offsets);
    long keyBytes = KV_HEADS * HEAD_DIM * 4L;
    for (int from = 0; from < tokens; from += PROMPT) {
      device
          .kernels()
          .storeKeyValue(
              shape, cache, from, PROMPT, query.segment(), 0, keyBytes, query.rowStrideBytes());
    }
    return cache;
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    device.close();
    arena.close();
  }

  @Benchmark
  public float prefill(Work work) {
    device.attend(prefill);
    work.gigaflops += 4e-9 * HEADS * HEAD_DIM * PROMPT * (PROMPT + 1) / 2;
    return out.get(0, 0);
  }

  /** Layer after layer, so that the caches of the machine are of little use. */
  @Benchmark
  public float decode(Work work) {
    decode.forEach(device::attend);
    long blocks = (long) LAYERS * SEQUENCES * DEPTH / AttentionShape.BLOCK_TOKENS;
    work.gigabytes += 1e-9 * blocks * shape.blockBytes();
    work.gigaflops += 4e-9 * HEADS * HEAD_DIM * DEPTH * SEQUENCES * LAYERS;
    return out.get(0, 0);
  }
}
