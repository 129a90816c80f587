package dev.consilium.router.forward;

import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.PackedMatrix;
import java.util.List;

/** What mixes the tokens of a sequence in a layer. */
interface AttentionStep {
  /** Reads {@code work.normed}, leaves what the layer adds in {@code work.delta}. */
  void run(CpuDevice device, BatchRows batch, Workspace work);

  /** The matrices that a token meets first; empty: not known. */
  default List<PackedMatrix> firstWeights() {
    return List.of();
  }
}
