package dev.consilium.placement;

import java.util.List;

/** Experts of a layer that no node holds. */
public final class NotPlacedException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final int layer;
  private final transient List<Integer> experts;

  NotPlacedException(int layer, List<Integer> experts, List<String> nodes) {
    super(
        "layer %d experts %s are on none of the nodes %s: start a node that holds them, or assign them to one"
            .formatted(layer, experts, nodes));
    this.layer = layer;
    this.experts = List.copyOf(experts);
  }

  public int layer() {
    return layer;
  }

  /** Expert indices, ascending. */
  public List<Integer> experts() {
    return experts;
  }
}
