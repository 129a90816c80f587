package dev.consilium.router.forward;

import dev.consilium.tensor.CpuDevice;

/** What mixes the tokens of a sequence in a layer. */
interface AttentionStep extends BlockStep {
  /**
   * Reads {@code work.normed}, which stays, and leaves what the layer adds in {@code work.delta}.
   */
  void run(CpuDevice device, BatchRows batch, Workspace work);

  @Override
  default void run(CpuDevice device, PassState state, Workspace work) {
    run(device, state.batch, work);
  }
}
