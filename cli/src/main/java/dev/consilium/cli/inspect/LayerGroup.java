package dev.consilium.cli.inspect;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;

/**
 * Layers of which the same is to be said.
 *
 * @param layers ascending, at least one
 * @param common what is to be said
 */
record LayerGroup<T>(List<Integer> layers, T common) {

  /** All layers, in groups by what is to be said of each; the group of the first layer first. */
  static <T> List<LayerGroup<T>> of(int count, IntFunction<T> said) {
    Map<T, List<Integer>> groups = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      groups.computeIfAbsent(said.apply(i), first -> new ArrayList<>()).add(i);
    }
    return groups.entrySet().stream()
        .map(group -> new LayerGroup<>(group.getValue(), group.getKey()))
        .toList();
  }

  /** {@code layer 7}, {@code layers 0-2}. */
  String named() {
    return (layers.size() == 1 ? "layer " : "layers ") + numbers();
  }

  /** {@code 0-2, 5, 8-22 by 2}. */
  String numbers() {
    List<String> parts = new ArrayList<>();
    int from = 0;
    while (from < layers.size()) {
      int to = endOfRun(from);
      parts.add(run(from, to));
      from = to + 1;
    }
    return String.join(", ", parts);
  }

  /** The last of the layers from one on that are equally far apart; pairs only if neighbours. */
  private int endOfRun(int from) {
    int to = from + 1;
    while (to + 1 < layers.size() && step(to) == step(from)) {
      to++;
    }
    boolean run = to < layers.size() && (to > from + 1 || step(from) == 1);
    return run ? to : from;
  }

  private int step(int at) {
    return layers.get(at + 1) - layers.get(at);
  }

  private String run(int from, int to) {
    if (from == to) {
      return String.valueOf(layers.get(from));
    }
    String ends = layers.get(from) + "-" + layers.get(to);
    return step(from) == 1 ? ends : ends + " by " + step(from);
  }
}
