package dev.consilium.placement;

import java.util.NavigableSet;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Deals the experts of every layer to nodes in turn, so that each expert has exactly one node.
 *
 * <p>The deal goes on across layers instead of starting anew with each: with 8 experts and 3 nodes
 * the nodes get 3, 3, 2 in the first layer and 3, 2, 3 in the next, and over all layers no node
 * holds more than one expert more than another.
 */
public final class PlacementPlan {

  private PlacementPlan() {}

  /**
   * The experts of one share.
   *
   * @param expertCounts routed experts by layer; layers without routed experts are left out
   * @return expert indices by layer; layers of which the share holds nothing are left out
   */
  public static SortedMap<Integer, SortedSet<Integer>> experts(
      Share share, SortedMap<Integer, Integer> expertCounts) {
    SortedMap<Integer, SortedSet<Integer>> held = new TreeMap<>();
    long dealt = 0;
    for (var layer : expertCounts.entrySet()) {
      int count = layer.getValue();
      if (count < 1) {
        throw new IllegalArgumentException(
            "layer %d has %d experts, expected at least 1".formatted(layer.getKey(), count));
      }
      // First index whose place in the whole deal falls to this share.
      int first = (int) Math.floorMod(share.index() - dealt, (long) share.of());
      if (first < count) {
        held.put(layer.getKey(), everyNth(first, share.of(), count));
      }
      dealt += count;
    }
    return held;
  }

  private static SortedSet<Integer> everyNth(int first, int step, int end) {
    NavigableSet<Integer> indices = new TreeSet<>();
    for (int index = first; index < end; index += step) {
      indices.add(index);
    }
    return indices;
  }
}
