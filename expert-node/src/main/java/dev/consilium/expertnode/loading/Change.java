package dev.consilium.expertnode.loading;

import io.grpc.Status;
import java.util.NavigableSet;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What has to be loaded and dropped to get from what is held to what is asked for.
 *
 * @param load expert indices by layer that are not held
 * @param drop expert indices by layer that are held
 */
record Change(
    SortedMap<Integer, NavigableSet<Integer>> load,
    SortedMap<Integer, NavigableSet<Integer>> drop) {

  /** Leaves out of a request what is so already. Pure. */
  static Change of(AssignOrder order, HeldExperts held) throws AssignException {
    SortedMap<Integer, NavigableSet<Integer>> load = new TreeMap<>();
    SortedMap<Integer, NavigableSet<Integer>> drop = new TreeMap<>();
    for (var layer : order.drop().entrySet()) {
      NavigableSet<Integer> there = new TreeSet<>(layer.getValue());
      there.retainAll(held.ofLayer(layer.getKey()));
      put(drop, layer.getKey(), there);
    }
    for (var layer : order.load().entrySet()) {
      NavigableSet<Integer> both = new TreeSet<>(layer.getValue());
      both.retainAll(order.drop().getOrDefault(layer.getKey(), new TreeSet<>()));
      if (!both.isEmpty()) {
        throw new AssignException(
            Status.Code.INVALID_ARGUMENT,
            "layer %d %s are both to be loaded and to be dropped: name each once"
                .formatted(layer.getKey(), HeldExperts.ranges(both)));
      }
      NavigableSet<Integer> absent = new TreeSet<>(layer.getValue());
      absent.removeAll(held.ofLayer(layer.getKey()));
      put(load, layer.getKey(), absent);
    }
    return new Change(load, drop);
  }

  private static void put(
      SortedMap<Integer, NavigableSet<Integer>> map, int layer, NavigableSet<Integer> experts) {
    if (!experts.isEmpty()) {
      map.put(layer, experts);
    }
  }

  boolean isEmpty() {
    return load.isEmpty() && drop.isEmpty();
  }

  int experts() {
    return load.values().stream().mapToInt(NavigableSet::size).sum();
  }

  HeldExperts applyTo(HeldExperts held) {
    SortedMap<Integer, NavigableSet<Integer>> after = new TreeMap<>();
    held.byLayer().forEach((layer, experts) -> after.put(layer, new TreeSet<>(experts)));
    drop.forEach((layer, experts) -> after.getOrDefault(layer, new TreeSet<>()).removeAll(experts));
    load.forEach(
        (layer, experts) -> after.computeIfAbsent(layer, _ -> new TreeSet<>()).addAll(experts));
    return new HeldExperts(held.epoch() + 1, after);
  }
}
