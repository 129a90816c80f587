package dev.consilium.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ReadAheadTest {
  private final List<Long> addresses = new ArrayList<>();
  private final List<Long> sizes = new ArrayList<>();

  private void readAll(ReadAhead ahead, int thread) {
    addresses.clear();
    sizes.clear();
    while (ahead.step(thread)) {
      assertThat(sizes.getLast()).isPositive();
    }
  }

  private ReadAhead ahead(List<PackedMatrix> weights, int threads) {
    return new ReadAhead(
        weights,
        threads,
        (segment, at, bytes) -> {
          addresses.add(segment.address() + at);
          sizes.add(bytes);
        });
  }

  private long bytes() {
    return sizes.stream().mapToLong(Long::longValue).sum();
  }

  @Test
  void step_threeThreadsOneMatrix_eachFromItsShareOnward() {
    try (PackedMatrix matrix = Samples.packed(new Random(1), DType.Q8_0, 64, 256)) {
      ReadAhead ahead = ahead(List.of(matrix), 3);
      long start = matrix.segment().address();
      assertThat(matrix.byteSize() / 3 % 64).isNotZero();
      for (int thread = 0; thread < 3; thread++) {
        readAll(ahead, thread);
        long share = matrix.byteSize() * thread / 3 / 64 * 64;
        assertThat(addresses.getFirst()).isEqualTo(start + share);
        assertThat(bytes()).isEqualTo(matrix.byteSize() - share);
        assertThat(ahead.step(thread)).isFalse();
      }
    }
  }

  @Test
  void step_severalMatrices_readsInsideTheOneWhereTheShareBegins() {
    Random random = new Random(1);
    try (PackedMatrix first = Samples.packed(random, DType.Q8_0, 32, 320);
        PackedMatrix second = Samples.packed(random, DType.Q8_0, 32, 320)) {
      ReadAhead ahead = ahead(List.of(first, second), 2);
      readAll(ahead, 1);
      assertThat(addresses.getFirst()).isEqualTo(second.segment().address());
      assertThat(bytes()).isEqualTo(second.byteSize());
    }
  }

  @Test
  void step_largeMatrix_stopsAtHalfACache() {
    try (PackedMatrix matrix = Samples.packed(new Random(1), DType.F32, 64, 8192)) {
      readAll(ahead(List.of(matrix), 1), 0);
      assertThat(bytes()).isEqualTo(1 << 20);
    }
  }

  @Test
  void step_noWeights_nothing() {
    assertThat(ahead(List.of(), 2).step(1)).isFalse();
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void step_anyNumberOfThreads_readsAllShares(Kernels kernels) {
    try (PackedMatrix matrix = Samples.packed(new Random(1), DType.Q8_0, 64, 256)) {
      for (int threads = 1; threads <= 12; threads++) {
        ReadAhead ahead = new ReadAhead(List.of(matrix), threads, kernels::readAhead);
        for (int thread = 0; thread < threads; thread++) {
          int steps = 0;
          while (ahead.step(thread)) {
            steps++;
          }
          assertThat(steps).isPositive();
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void readAhead_closedWeights_doesNoHarm(Kernels kernels) {
    // Large enough that its memory is unmapped.
    PackedMatrix matrix = Samples.packed(new Random(1), DType.Q8_0, 96, 8192);
    kernels.readAhead(matrix.segment(), 64, 4096);
    matrix.close();
    kernels.readAhead(matrix.segment(), 64, 4096);
  }

  private static List<Kernels> kernels() {
    return List.of(Kernels.best(), new VectorKernels(), Kernels.scalar());
  }
}
