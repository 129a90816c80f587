package dev.consilium.router.forward;

import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.PackedMatrix;
import java.util.List;

/**
 * The feed-forward block of a layer behind late experts: what those have computed meanwhile is
 * added to what the block adds.
 */
record LateSumStep(BlockStep block, ExpertStep experts) implements BlockStep {
  @Override
  public void run(CpuDevice device, PassState state, Workspace work) {
    block.run(device, state, work);
    experts.join(device, state, work);
  }

  @Override
  public List<PackedMatrix> firstWeights() {
    return block.firstWeights();
  }
}
