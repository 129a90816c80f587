package dev.consilium.bench;

import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.DType;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.MatmulJob;
import dev.consilium.tensor.PackedMatrix;
import java.util.List;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * 256 MiB of weights, 2048 inputs, times a few tokens: bound by memory. The result is GB/s of
 * weights as stored, to be compared with {@link MachineLimits#read}.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(3)
public class MatmulDecode {
  private static final int COLUMNS = 2048;

  /** Encoding of the weights. */
  @Param({"BF16", "F32", "F16", "Q8_0", "Q4_0", "Q5_0", "Q4_K", "Q5_K", "Q6_K", "MXFP4"})
  public DType dtype = DType.BF16;

  /** Threads of the device. */
  @Param({"1", "2"})
  public int threads;

  /** Tokens that share one pass over the weights. */
  @Param({"1", "2", "4", "8", "32"})
  public int tokens;

  private CpuDevice device = new CpuDevice(1);
  private List<MatmulJob> jobs = List.of();

  @Setup(Level.Trial)
  public void setUp() {
    device = new CpuDevice(threads);
    int rows = Math.toIntExact(MachineLimits.BYTES / dtype.rowBytes(COLUMNS) / 64 * 64);
    PackedMatrix weights = Weights.packed(dtype, rows, COLUMNS);
    F32Matrix x = Weights.activations(tokens, COLUMNS);
    F32Matrix y = F32Matrix.allocate(tokens, rows);
    jobs = List.of(new MatmulJob(weights, x, Weights.rows(tokens), y, 0));
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    device.close();
    jobs.forEach(job -> job.weights().close());
  }

  /** GB/s. */
  @Benchmark
  @OperationsPerInvocation(MachineLimits.BYTES / 1000)
  public float multiply() {
    device.matmul(jobs);
    return jobs.getFirst().y().get(0, 0);
  }
}
