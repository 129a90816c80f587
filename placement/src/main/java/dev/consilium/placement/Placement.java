package dev.consilium.placement;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.NavigableSet;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.ToLongFunction;

/**
 * Which nodes hold which experts, as of one look at all nodes.
 *
 * <p>Every answer is a pure function of the nodes given, whatever their order.
 */
public final class Placement {

  private final SortedMap<Integer, Integer> expertCounts;
  private final SortedMap<String, NodeExperts> nodes;
  private final SortedMap<Integer, List<List<ExpertReplica>>> replicas;

  private Placement(
      SortedMap<Integer, Integer> expertCounts, SortedMap<String, NodeExperts> nodes) {
    this.expertCounts = Collections.unmodifiableSortedMap(new TreeMap<>(expertCounts));
    this.nodes = Collections.unmodifiableSortedMap(nodes);
    this.replicas = replicas(expertCounts, nodes.values());
  }

  /**
   * Puts together what the nodes say.
   *
   * @param expertCounts routed experts by layer, for the layers that have any
   * @throws IllegalArgumentException if two nodes have one name, or a node holds an expert that the
   *     model does not have
   */
  public static Placement of(
      SortedMap<Integer, Integer> expertCounts, Collection<NodeExperts> nodes) {
    SortedMap<String, NodeExperts> byName = new TreeMap<>();
    for (NodeExperts node : nodes) {
      if (byName.put(node.node(), node) != null) {
        throw new IllegalArgumentException(
            "two nodes are named \"%s\": give each its own consilium.node.name"
                .formatted(node.node()));
      }
      checkExists(node, expertCounts);
    }
    return new Placement(expertCounts, byName);
  }

  private static void checkExists(NodeExperts node, SortedMap<Integer, Integer> expertCounts) {
    node.held()
        .forEach((layer, experts) -> {
          int count = expertCounts.getOrDefault(layer, 0);
          if (!experts.isEmpty() && (experts.first() < 0 || experts.last() >= count)) {
            throw new IllegalArgumentException(
                "node %s holds layer %d experts %d to %d, but the model has %d there"
                    .formatted(node.node(), layer, experts.first(), experts.last(), count));
          }
        });
  }

  private static SortedMap<Integer, List<List<ExpertReplica>>> replicas(
      SortedMap<Integer, Integer> expertCounts, Collection<NodeExperts> nodes) {
    SortedMap<Integer, List<List<ExpertReplica>>> replicas = new TreeMap<>();
    expertCounts.forEach((layer, count) -> {
      List<List<ExpertReplica>> ofLayer = new ArrayList<>(count);
      for (int expert = 0; expert < count; expert++) {
        ofLayer.add(replicasOf(layer, expert, nodes));
      }
      replicas.put(layer, ofLayer);
    });
    return replicas;
  }

  private static List<ExpertReplica> replicasOf(
      int layer, int expert, Collection<NodeExperts> nodes) {
    return nodes.stream()
        .filter(
            node -> node.held().getOrDefault(layer, Collections.emptySortedSet()).contains(expert))
        .map(node -> new ExpertReplica(node.node(), node.epoch()))
        .toList();
  }

  /** The nodes looked at, by name. */
  public SortedMap<String, NodeExperts> nodes() {
    return nodes;
  }

  /** The replicas of one expert, names ascending; empty if no node holds it. */
  public List<ExpertReplica> replicas(int layer, int expert) {
    List<List<ExpertReplica>> ofLayer = replicas.get(layer);
    if (ofLayer == null || expert < 0 || expert >= ofLayer.size()) {
      throw new IllegalArgumentException(
          "layer %d expert %d does not exist: experts by layer are %s"
              .formatted(layer, expert, expertCounts));
    }
    return ofLayer.get(expert);
  }

  /** Experts that no node holds, by layer; empty if every expert can be reached. */
  public SortedMap<Integer, SortedSet<Integer>> missing() {
    SortedMap<Integer, SortedSet<Integer>> missing = new TreeMap<>();
    replicas.forEach((layer, ofLayer) -> {
      for (int expert = 0; expert < ofLayer.size(); expert++) {
        if (ofLayer.get(expert).isEmpty()) {
          missing.computeIfAbsent(layer, _ -> new TreeSet<>()).add(expert);
        }
      }
    });
    return missing;
  }

  /**
   * Chooses the nodes that compute the experts of one dispatch: few nodes, because each costs a
   * message with the hidden states; then the least loaded ones.
   *
   * <ol>
   *   <li>Take the node that holds most of the experts not yet given away; of equals the least
   *       loaded, of those the lowest name; give it all of them that it holds.
   *   <li>Repeat until nothing is left.
   * </ol>
   *
   * <p>This is the greedy set cover, exact for up to two nodes and wherever an expert has one
   * replica.
   *
   * @param experts indices of experts of the layer; order and doubles do not matter
   * @param load work in progress per node name, in any unit
   * @return work by node, names ascending
   * @throws NotPlacedException if an expert has no replica
   */
  public List<NodeWork> choose(
      int layer, Collection<Integer> experts, ToLongFunction<String> load) {
    NavigableSet<Integer> left = new TreeSet<>(experts);
    List<Integer> unplaced =
        left.stream().filter(expert -> replicas(layer, expert).isEmpty()).toList();
    if (!unplaced.isEmpty()) {
      throw new NotPlacedException(layer, unplaced, List.copyOf(nodes.keySet()));
    }
    List<NodeWork> work = new ArrayList<>();
    while (!left.isEmpty()) {
      NodeWork next = largest(layer, left, load);
      left.removeAll(next.experts());
      work.add(next);
    }
    work.sort(Comparator.comparing(NodeWork::node));
    return List.copyOf(work);
  }

  private NodeWork largest(int layer, Set<Integer> left, ToLongFunction<String> load) {
    // Names ascend and max keeps the last of equals, so compare by name in reverse.
    return nodes.values().stream()
        .map(node -> new NodeWork(node.node(), node.epoch(), heldOf(node, layer, left)))
        .max(
            Comparator.<NodeWork>comparingInt(work -> work.experts().size())
                .thenComparing(
                    Comparator.<NodeWork>comparingLong(work -> load.applyAsLong(work.node()))
                        .reversed())
                .thenComparing(Comparator.comparing(NodeWork::node).reversed()))
        .orElseThrow();
  }

  private static List<Integer> heldOf(NodeExperts node, int layer, Set<Integer> wanted) {
    Set<Integer> held = node.held().getOrDefault(layer, Collections.emptySortedSet());
    return wanted.stream().filter(held::contains).toList();
  }
}
