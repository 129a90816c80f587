package dev.consilium.placement;

import java.util.Collections;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What one node says of itself.
 *
 * @param node its name, unique in the cluster
 * @param epoch its placement epoch; travels with every dispatch to it
 * @param held expert indices by layer
 */
public record NodeExperts(String node, long epoch, SortedMap<Integer, SortedSet<Integer>> held) {

  public NodeExperts {
    if (node.isEmpty()) {
      throw new IllegalArgumentException("a node has an empty name, expected a unique one");
    }
    SortedMap<Integer, SortedSet<Integer>> copy = new TreeMap<>();
    held.forEach((layer, experts) ->
        copy.put(layer, Collections.unmodifiableSortedSet(new TreeSet<>(experts))));
    held = Collections.unmodifiableSortedMap(copy);
  }
}
