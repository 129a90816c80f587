package dev.consilium.router.forward;

import dev.consilium.tensor.CpuDevice;

/** The feed-forward block of one layer over a batch. */
sealed interface FeedForwardStep permits DenseStep, ExpertStep {
  /** Reads {@code work.normed}, leaves the result in {@code work.delta}. */
  void run(CpuDevice device, PassState state, Workspace work);
}
