package dev.consilium.router.gating;

import java.util.List;

/**
 * The experts chosen for one token in one layer, largest weight first. Numbers behind the layer's
 * last expert are identities.
 */
public record ChosenExperts(int layer, List<Integer> experts, List<Float> weights) {
  public ChosenExperts {
    experts = List.copyOf(experts);
    weights = List.copyOf(weights);
  }
}
