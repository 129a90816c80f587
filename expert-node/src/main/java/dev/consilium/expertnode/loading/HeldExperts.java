package dev.consilium.expertnode.loading;

import java.util.Collections;
import java.util.NavigableSet;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What is held at one time. Immutable.
 *
 * @param epoch the placement epoch
 * @param byLayer expert indices by layer; no layer is empty
 */
public record HeldExperts(long epoch, SortedMap<Integer, NavigableSet<Integer>> byLayer) {

  public HeldExperts {
    SortedMap<Integer, NavigableSet<Integer>> copy = new TreeMap<>();
    byLayer.forEach((layer, experts) -> {
      if (!experts.isEmpty()) {
        copy.put(layer, Collections.unmodifiableNavigableSet(new TreeSet<>(experts)));
      }
    });
    byLayer = Collections.unmodifiableSortedMap(copy);
  }

  public boolean holds(int layer, int expert) {
    return ofLayer(layer).contains(expert);
  }

  public NavigableSet<Integer> ofLayer(int layer) {
    return byLayer.getOrDefault(layer, Collections.emptyNavigableSet());
  }

  /** How many experts. */
  public int count() {
    return byLayer.values().stream().mapToInt(NavigableSet::size).sum();
  }

  /** Indices as ranges, for messages: {@code "0-3,7"}, or {@code "no experts"}. */
  public static String ranges(SortedSet<Integer> experts) {
    StringJoiner ranges = new StringJoiner(",");
    NavigableSet<Integer> left = new TreeSet<>(experts);
    while (!left.isEmpty()) {
      int first = left.first();
      int last = first;
      while (left.remove(last) && left.contains(last + 1)) {
        last++;
      }
      ranges.add(first == last ? String.valueOf(first) : first + "-" + last);
    }
    return experts.isEmpty() ? "no experts" : "experts " + ranges;
  }
}
