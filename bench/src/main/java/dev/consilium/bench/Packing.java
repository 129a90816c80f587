package dev.consilium.bench;

import dev.consilium.tensor.DType;
import dev.consilium.tensor.PackedMatrix;
import dev.consilium.tensor.quant.BlockFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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
import org.openjdk.jmh.annotations.Warmup;

/**
 * Packing of a matrix of [2048, 2048] weights, memory for it included, on one thread: what loading
 * does. The result is millions of weights a second.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(3)
public class Packing {
  private static final int N = 2048;

  @Param({"F32", "BF16", "F16", "Q8_0", "Q4_0", "Q5_0", "Q4_K", "Q5_K", "Q6_K", "MXFP4"})
  public DType dtype = DType.Q8_0;

  private MemorySegment stored = MemorySegment.NULL;

  @Setup(Level.Trial)
  public void setUp() {
    stored = Arena.ofAuto().allocate(N * dtype.rowBytes(N), 64);
    if (dtype.format().isEmpty()) {
      stored.fill((byte) 0x3c); // about 1 in each of these types
      return;
    }
    BlockFormat format = dtype.format().orElseThrow();
    float[] block = new float[format.elements()];
    for (int i = 0; i < block.length; i++) {
      block[i] = (i % 31 - 15) * 0.01f;
    }
    format.quantise(block, 0, stored, 0);
    for (long at = format.bytes(); at < stored.byteSize(); at += format.bytes()) {
      MemorySegment.copy(stored, 0, stored, at, format.bytes());
    }
  }

  @Benchmark
  @OperationsPerInvocation(N * N / 1_000_000)
  public long pack() {
    try (PackedMatrix packed = PackedMatrix.pack(dtype, N, List.of(stored))) {
      return packed.byteSize();
    }
  }
}
