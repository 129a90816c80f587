package dev.consilium.bench;

import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.Kernels;
import java.util.Arrays;
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

/**
 * Kernels over vectors of 2048 elements: nanoseconds per call. What is changed in place neither
 * vanishes nor overflows, however often: a vector of numbers near 0 would be slow for that alone.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(3)
public class Elementwise {
  private static final int N = 2048;

  /** Elements of a head. */
  private static final int HEAD = 64;

  /** Bytes of a block of 32 quantised activations. */
  private static final int BLOCK_BYTES = 64;

  @Param({"scalar", "best"})
  public String kernels = "best";

  private final F32Matrix x = Weights.activations(2, N);
  private final F32Matrix y = F32Matrix.allocate(1, N);
  private final F32Matrix large = F32Matrix.allocate(1, N);
  private final F32Matrix angles = F32Matrix.allocate(1, N);
  private final F32Matrix blocks = F32Matrix.allocate(1, N / 32 * BLOCK_BYTES / Float.BYTES);
  private final F32Matrix headAngles = F32Matrix.allocate(1, HEAD);
  private final F32Vector weight = ones();
  private Kernels used = Kernels.best();

  @Setup(Level.Trial)
  public void setUp() {
    used = kernels.equals("scalar") ? Kernels.scalar() : Kernels.best();
    fill(angles);
    fill(headAngles);
    for (int i = 0; i < N; i++) {
      large.set(0, i, 20 + i % 20); // whose sigmoid is 1
      y.set(0, i, large.get(0, i));
    }
  }

  /** Cosines, then sines. */
  private static void fill(F32Matrix angles) {
    int half = angles.columns() / 2;
    for (int i = 0; i < half; i++) {
      angles.set(0, i, (float) Math.cos(i));
      angles.set(0, half + i, (float) Math.sin(i));
    }
  }

  private static F32Vector ones() {
    float[] values = new float[N];
    Arrays.fill(values, 1);
    return F32Vector.of(values);
  }

  /** Root mean square norm. */
  @Benchmark
  public float rmsNorm() {
    used.rmsNorm(x.segment(), 0, N, weight, 0, 1e-6f, y.segment(), 0);
    return y.get(0, 0);
  }

  /** The same of each head. */
  @Benchmark
  public float rmsNormEach() {
    used.rmsNormEach(N / HEAD, HEAD, weight, 1e-6f, y.segment(), 0);
    return y.get(0, 0);
  }

  /** What a layer norm does besides. */
  @Benchmark
  public float centre() {
    used.centre(x.segment(), 0, N, y.segment(), 0);
    return y.get(0, 0);
  }

  /** Activations in blocks of 8 bits. */
  @Benchmark
  public float quantise() {
    used.quantise(x.segment(), 0, N, blocks.segment(), 0);
    return blocks.get(0, 8);
  }

  /** The activation of a gated feed-forward layer. */
  @Benchmark
  public float siluMultiply() {
    used.siluMultiply(x.segment(), 0, x.segment(), x.offset(1), N, y.segment(), 0);
    return y.get(0, 0);
  }

  /** That of gpt-oss. */
  @Benchmark
  public float clampedSiluMultiply() {
    used.clampedSiluMultiply(
        1.702f, 7, x.segment(), 0, x.segment(), x.offset(1), N, y.segment(), 0);
    return y.get(0, 0);
  }

  @Benchmark
  public float silu() {
    used.silu(N, y.segment(), 0);
    return y.get(0, 0);
  }

  @Benchmark
  public float sigmoidMultiply() {
    used.sigmoidMultiply(large.segment(), 0, N, y.segment(), 0);
    return y.get(0, 0);
  }

  @Benchmark
  public float squaredRelu() {
    used.squaredRelu(x.segment(), 0, N, y.segment(), 0);
    return y.get(0, 0);
  }

  @Benchmark
  public float add() {
    used.add(x.segment(), 0, N, y.segment(), 0);
    return y.get(0, 0);
  }

  @Benchmark
  public float clamp() {
    used.clamp(1, N, y.segment(), 0);
    return y.get(0, 0);
  }

  @Benchmark
  public float scale() {
    used.scale(-1, N, y.segment(), 0);
    return y.get(0, 0);
  }

  /** How the outputs of experts are added up. */
  @Benchmark
  public float multiplyAdd() {
    used.multiplyAdd(0.5f, x.segment(), 0, N, y.segment(), 0);
    return y.get(0, 0);
  }

  /** A tap of a short convolution. */
  @Benchmark
  public float multiplyAddEach() {
    used.multiplyAddEach(x.segment(), 0, x.segment(), x.offset(1), N, y.segment(), 0);
    return y.get(0, 0);
  }

  /** One rotary embedding of as many elements. */
  @Benchmark
  public float rotate() {
    used.rotate(y.segment(), 0, N, angles.segment(), 0);
    return y.get(0, 0);
  }

  /** The same of each head; the cosines and sines of the first serve them all. */
  @Benchmark
  public float rotateEach() {
    used.rotateEach(N / HEAD, HEAD, y.segment(), 0, HEAD, headAngles.segment(), 0);
    return y.get(0, 0);
  }

  @Benchmark
  public float roundToBf16() {
    used.roundToBf16(N, y.segment(), 0);
    return y.get(0, 0);
  }
}
