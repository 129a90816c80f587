package dev.consilium.placement;

import java.util.List;

/**
 * The experts that one node shall compute in one dispatch.
 *
 * @param node the node's name
 * @param epoch the epoch to dispatch under
 * @param experts expert indices, ascending, not empty
 */
public record NodeWork(String node, long epoch, List<Integer> experts) {
  public NodeWork {
    experts = List.copyOf(experts);
  }
}
