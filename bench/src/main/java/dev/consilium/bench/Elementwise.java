package dev.consilium.bench;

import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.Kernels;
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

/** Kernels over one vector of 2048 elements: nanoseconds per call. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(3)
public class Elementwise {
  private static final int N = 2048;

  @Param({"scalar", "best"})
  public String kernels = "best";

  private final F32Matrix x = Weights.activations(2, N);
  private final F32Matrix y = F32Matrix.allocate(1, N);
  private final F32Vector weight = F32Vector.of(new float[N]);
  private Kernels used = Kernels.best();

  @Setup(Level.Trial)
  public void setUp() {
    used = kernels.equals("scalar") ? Kernels.scalar() : Kernels.best();
  }

  /** Root mean square norm. */
  @Benchmark
  public float rmsNorm() {
    used.rmsNorm(x.segment(), 0, N, weight, 0, 1e-6f, y.segment(), 0);
    return y.get(0, 0);
  }

  /** The activation of a gated feed-forward layer. */
  @Benchmark
  public float siluMultiply() {
    used.siluMultiply(x.segment(), 0, x.segment(), x.offset(1), N, y.segment(), 0);
    return y.get(0, 0);
  }
}
