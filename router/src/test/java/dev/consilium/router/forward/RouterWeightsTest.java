package dev.consilium.router.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.expert.FeedForwardBlock;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.PackedMatrix;
import dev.consilium.testkit.Fixtures;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Who frees the memory of weights, for every kind of layer. */
class RouterWeightsTest {

  static List<String> models() {
    return Fixtures.MODELS;
  }

  /** Remembers what was loaded, and fails instead of handing over one of it. */
  private static final class Remembering extends LoadedWeights {
    final Queue<PackedMatrix> matrices = new ConcurrentLinkedQueue<>();
    final Queue<FeedForwardBlock> blocks = new ConcurrentLinkedQueue<>();
    private final AtomicInteger left;

    Remembering(int left) {
      this.left = new AtomicInteger(left);
    }

    @Override
    PackedMatrix own(PackedMatrix matrix) {
      matrices.add(super.own(matrix));
      count();
      return matrix;
    }

    @Override
    FeedForwardBlock own(FeedForwardBlock block) {
      blocks.add(super.own(block));
      count();
      return block;
    }

    private void count() {
      if (left.decrementAndGet() == 0) {
        throw new IllegalArgumentException("enough");
      }
    }

    int size() {
      return matrices.size() + blocks.size();
    }

    long bytes() {
      return matrices.stream().mapToLong(PackedMatrix::byteSize).sum()
          + blocks.stream().mapToLong(FeedForwardBlock::memoryBytes).sum();
    }

    /** Memory can be freed once only. */
    void assertAllFreed() {
      matrices.forEach(
          one -> assertThatThrownBy(one::close).isInstanceOf(IllegalStateException.class));
      blocks.forEach(
          one -> assertThatThrownBy(one::close).isInstanceOf(IllegalStateException.class));
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void close_anyModel_freesEveryMatrix(String name) {
    Remembering loaded = new Remembering(Integer.MAX_VALUE);
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model(name));
        CpuDevice device = new CpuDevice(2)) {
      RouterWeights weights = RouterWeights.load(new WeightLoader(checkpoint, loaded), device);
      long embedding = weights.embedding() == weights.head() ? 0 : weights.embedding().byteSize();
      assertThat(loaded.bytes()).isEqualTo(weights.bytesOfEveryStep() + embedding);
      weights.close();
    }
    loaded.assertAllFreed();
  }

  @ParameterizedTest
  @MethodSource("models")
  void load_failsMidway_freesWhatWasLoaded(String name) {
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model(name));
        CpuDevice device = new CpuDevice(2)) {
      for (int count : List.of(1, 3, 5, 6)) {
        Remembering loaded = new Remembering(count);
        assertThatThrownBy(() -> RouterWeights.load(new WeightLoader(checkpoint, loaded), device))
            .hasMessageContaining("enough");
        assertThat(loaded.size()).isGreaterThanOrEqualTo(count);
        loaded.assertAllFreed();
      }
    }
  }
}
