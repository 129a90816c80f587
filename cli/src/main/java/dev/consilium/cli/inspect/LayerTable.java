package dev.consilium.cli.inspect;

import dev.consilium.cli.Amounts;
import dev.consilium.cli.Style;
import dev.consilium.model.checkpoint.ModelSummary;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.NoFeedForward;
import java.util.ArrayList;
import java.util.List;

/** Sizes of layers, one row for all that are alike. */
final class LayerTable {

  private static final String ROW = "  %-14s %-16s %12s %14s %14s %14s %14s";

  private final List<LayerGroup<Row>> groups;

  /** What is to be seen of a layer. */
  private record Row(
      String attention,
      String experts,
      String expertBytes,
      String sharedBytes,
      String bytes,
      String parameters) {}

  LayerTable(ModelSpec spec, List<ModelSummary.Layer> layers) {
    groups = LayerGroup.of(layers.size(), i -> row(spec, layers.get(i)));
  }

  List<String> lines(Style style) {
    List<String> lines = new ArrayList<>();
    lines.add(
        style.bold(
            ROW.formatted(
                "layers",
                "attention",
                "experts",
                "one expert",
                "shared",
                "whole layer",
                "parameters")));
    for (LayerGroup<Row> group : groups) {
      Row row = group.common();
      lines.add(
          ROW.formatted(
              group.numbers(),
              row.attention(),
              row.experts(),
              row.expertBytes(),
              row.sharedBytes(),
              row.bytes(),
              row.parameters()));
    }
    return lines;
  }

  private static Row row(ModelSpec spec, ModelSummary.Layer layer) {
    boolean dense = layer.experts() == 0;
    boolean none = spec.layers().get(layer.index()).feedForward() instanceof NoFeedForward;
    return new Row(
        AttentionWords.brief(spec.layers().get(layer.index()).attention()),
        none ? "-" : dense ? "dense" : layer.experts() + ", top " + layer.expertsPerToken(),
        dense ? "-" : Amounts.bytes(layer.expertBytes()),
        layer.sharedExpertBytes() == 0 ? "-" : Amounts.bytes(layer.sharedExpertBytes()),
        Amounts.bytes(layer.bytes()),
        Amounts.count(layer.parameters()));
  }
}
