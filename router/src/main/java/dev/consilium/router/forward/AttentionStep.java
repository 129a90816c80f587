package dev.consilium.router.forward;

import dev.consilium.tensor.CpuDevice;

/** What mixes the tokens of a sequence in a layer. */
interface AttentionStep {
  /** Reads {@code work.normed}, leaves what the layer adds in {@code work.delta}. */
  void run(CpuDevice device, BatchRows batch, Workspace work);
}
