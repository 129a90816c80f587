package dev.consilium.cli;

import dev.consilium.cli.wire.ExpertTokens;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** Which node computed how many tokens in each layer, for people to read. */
final class NodeTable {

  private static final String TOTAL = "total";

  // Layer to node to tokens.
  private final SortedMap<Integer, SortedMap<String, Long>> layers = new TreeMap<>();
  private final SortedSet<String> nodes = new TreeSet<>();

  NodeTable(List<ExpertTokens> counts) {
    for (ExpertTokens count : counts) {
      nodes.add(count.node());
      layers
          .computeIfAbsent(count.layer(), layer -> new TreeMap<>())
          .merge(count.node(), count.tokens(), Long::sum);
    }
  }

  /** The smallest and the largest total of a layer; equal when every token visited every layer. */
  long leastOfLayers() {
    return layers.values().stream().mapToLong(NodeTable::sum).min().orElse(0);
  }

  /** See {@link #leastOfLayers}. */
  long mostOfLayers() {
    return layers.values().stream().mapToLong(NodeTable::sum).max().orElse(0);
  }

  String print(Style style) {
    int width = Math.max(9, nodes.stream().mapToInt(String::length).max().orElse(0) + 2);
    StringBuilder table = new StringBuilder();
    table.append(style.bold(row(width, "layer", nodes.stream().toList(), TOTAL))).append('\n');
    layers.forEach((layer, tokens) -> table.append(layerRow(width, layer, tokens)).append('\n'));
    return table.toString();
  }

  private String layerRow(int width, int layer, SortedMap<String, Long> tokens) {
    List<String> cells =
        nodes.stream().map(node -> String.valueOf(tokens.getOrDefault(node, 0L))).toList();
    return row(width, String.valueOf(layer), cells, String.valueOf(sum(tokens)));
  }

  private static String row(int width, String head, List<String> cells, String total) {
    StringBuilder row = new StringBuilder("%7s".formatted(head));
    cells.forEach(cell -> row.append(("%" + width + "s").formatted(cell)));
    return row.append(("%" + width + "s").formatted(total)).toString();
  }

  private static long sum(SortedMap<String, Long> tokens) {
    return tokens.values().stream().mapToLong(Long::longValue).sum();
  }
}
