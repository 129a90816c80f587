package dev.consilium.router.forward;

import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.PackedMatrix;
import java.util.List;

/** A block of one layer over a batch: what mixes tokens, or a feed-forward block. */
interface BlockStep {
  /** Reads {@code work.normed}, which stays, and leaves the result in {@code work.delta}. */
  void run(CpuDevice device, PassState state, Workspace work);

  /** The matrices that a token meets first; empty: not known. */
  default List<PackedMatrix> firstWeights() {
    return List.of();
  }
}
