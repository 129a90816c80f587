package dev.consilium.bench;

import dev.consilium.tensor.AttentionShape;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.KvBlocks;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
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
import org.openjdk.jmh.annotations.Warmup;

/**
 * One token against 1024 cached positions, 4 key/value heads, head dimension 128, one thread. The
 * result is GFLOP/s (4 per key, query head and element), to be compared with {@link
 * MachineLimits#multiplyAdd}; the keys and values are 4 MiB.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(3)
public class Attention {
  private static final int KV_HEADS = 4;
  private static final int HEAD_DIM = 128;
  private static final int KEYS = 1024;

  /** Thousands of floating point operations for one query head per key/value head. */
  private static final int KILO_OPERATIONS = 4 * KV_HEADS * HEAD_DIM * KEYS / 1000;

  /** Query heads per key/value head. */
  private static final int SHARED = 8;

  @Param({"scalar", "best"})
  public String kernels = "best";

  private final AttentionShape one = new AttentionShape(KV_HEADS, KV_HEADS, HEAD_DIM, 0.09f);
  private final AttentionShape many =
      new AttentionShape(SHARED * KV_HEADS, KV_HEADS, HEAD_DIM, 0.09f);
  private final F32Matrix query = Weights.activations(1, SHARED * KV_HEADS * HEAD_DIM);
  private final F32Matrix out = F32Matrix.allocate(1, SHARED * KV_HEADS * HEAD_DIM);
  private KvBlocks cache = new KvBlocks(MemorySegment.NULL, new long[0]);
  private Kernels used = Kernels.best();

  @Setup(Level.Trial)
  public void setUp() {
    used = kernels.equals("scalar") ? Kernels.scalar() : Kernels.best();
    long[] offsets = new long[KEYS / AttentionShape.BLOCK_TOKENS];
    long blockBytes = one.blockFloats() * 4L;
    for (int block = 0; block < offsets.length; block++) {
      offsets[block] = block * blockBytes;
    }
    cache = new KvBlocks(Arena.ofAuto().allocate(offsets.length * blockBytes, 64), offsets);
    F32Matrix rows = Weights.activations(KEYS, KV_HEADS * HEAD_DIM);
    for (int i = 0; i < KEYS; i++) {
      MemorySegment row = rows.segment();
      used.storeKeyValue(one, cache, i, row, rows.offset(i), row, rows.offset(i));
    }
  }

  /** GFLOP/s, one query head per key/value head. */
  @Benchmark
  @OperationsPerInvocation(KILO_OPERATIONS)
  public float attendOneHead() {
    return attend(one);
  }

  /** GFLOP/s, eight query heads per key/value head. */
  @Benchmark
  @OperationsPerInvocation(KILO_OPERATIONS * SHARED)
  public float attendEightHeads() {
    return attend(many);
  }

  private float attend(AttentionShape shape) {
    long step = (long) shape.headsPerKvHead() * HEAD_DIM * 4;
    for (int head = 0; head < KV_HEADS; head++) {
      used.attend(
          shape, query.segment(), head * step, cache, head, 0, KEYS, out.segment(), head * step);
    }
    return out.get(0, 0);
  }
}
