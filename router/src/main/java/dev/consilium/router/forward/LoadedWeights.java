package dev.consilium.router.forward;

import dev.consilium.model.expert.FeedForwardBlock;
import dev.consilium.tensor.PackedMatrix;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** Weights with memory of their own, freed together. Any number of threads. */
class LoadedWeights implements AutoCloseable {

  private final Queue<Runnable> closings = new ConcurrentLinkedQueue<>();

  PackedMatrix own(PackedMatrix matrix) {
    closings.add(matrix::close);
    return matrix;
  }

  FeedForwardBlock own(FeedForwardBlock block) {
    closings.add(block::close);
    return block;
  }

  /** After the last computation that uses one. */
  @Override
  public void close() {
    for (Runnable next = closings.poll(); next != null; next = closings.poll()) {
      next.run();
    }
  }
}
