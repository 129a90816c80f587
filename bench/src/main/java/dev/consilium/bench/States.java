package dev.consilium.bench;

import dev.consilium.tensor.AttentionShape;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.KvBlocks;
import dev.consilium.tensor.KvDType;
import dev.consilium.tensor.StateColumns;
import dev.consilium.tensor.StateDecay;
import dev.consilium.tensor.StateUpdate;
import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
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
import org.openjdk.jmh.annotations.Warmup;

/** What a token leaves behind in one layer: nanoseconds per call. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(3)
public class States {
  private static final int HEADS = 4;
  private static final int DIM = 128;
  private static final int TOKENS = 16;

  @Param({"scalar", "best"})
  public String kernels = "best";

  @Param public KvDType dtype = KvDType.F32;

  private final F32Matrix vectors = Weights.activations(TOKENS, 2 * HEADS * DIM);
  private final F32Matrix state = Weights.activations(DIM, DIM);
  private final F32Matrix out = F32Matrix.allocate(1, DIM);
  private final F32Matrix factor = F32Matrix.allocate(1, 1);
  private AttentionShape shape = new AttentionShape(HEADS, HEADS, DIM, 0.09f, dtype);
  private KvBlocks cache = blocks();
  private Kernels used = Kernels.best();

  @Setup(Level.Trial)
  public void setUp() {
    used = kernels.equals("scalar") ? Kernels.scalar() : Kernels.best();
    shape = new AttentionShape(HEADS, HEADS, DIM, 0.09f, dtype);
    cache = blocks();
    factor.set(0, 0, 0.9f);
  }

  private KvBlocks blocks() {
    return KvBlocks.of(Arena.ofAuto().allocate(shape.blockBytes(), 64), new long[] {0});
  }

  /** Keys and values of 16 tokens, 4 heads of 128. */
  @Benchmark
  public float storeKeyValue() {
    used.storeKeyValue(
        shape,
        cache,
        0,
        TOKENS,
        vectors.segment(),
        0,
        (long) HEADS * DIM * Float.BYTES,
        vectors.rowStrideBytes());
    return vectors.get(0, 0);
  }

  /** One token of one head of a linear recurrence, a state of [128, 128]; dtype does not matter. */
  @Benchmark
  public float recur() {
    used.recur(
        new StateColumns(state.segment(), 0, DIM, DIM, state.rowStrideBytes()),
        new StateUpdate(
            StateUpdate.Rule.ADD,
            new StateDecay.Factors(factor.segment(), 0, 0),
            1,
            vectors.segment(),
            vectors.offset(0),
            vectors.offset(1),
            vectors.segment(),
            vectors.offset(2)),
        out.segment(),
        0);
    return out.get(0, 0);
  }
}
