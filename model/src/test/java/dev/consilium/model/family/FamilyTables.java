package dev.consilium.model.family;

import dev.consilium.model.gguf.GgufArchitectures;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Properties;
import java.util.SortedMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The tables of families in {@code docs/models.md}: whatever they say comes from the declarations,
 * but for the names of published models.
 */
final class FamilyTables {

  private static final String NOTHING = "–";

  private final Collection<ModelFamily> families;
  private final Properties published;
  private final SortedMap<String, List<String>> fixtures;

  /** A column of a table. */
  private record Column(String title, Function<ModelFamily, String> cell) {}

  /**
   * Tables.
   *
   * @param published names of models by family
   * @param fixtures names of fixtures by family
   */
  FamilyTables(
      Collection<ModelFamily> families,
      Properties published,
      SortedMap<String, List<String>> fixtures) {
    this.families = families;
    this.published = published;
    this.fixtures = fixtures;
  }

  /** As Markdown. */
  String markdown() {
    Column type = new Column("`model_type`", family -> "`" + family.modelType() + "`");
    return String.join(
        "\n",
        "### What they are called, and where they come from",
        "",
        table(
            type,
            new Column("architecture", family -> "`" + family.architecture() + "`"),
            new Column("models", this::models),
            new Column(
                "experts in safetensors",
                family -> FeedForwardRuleWords.layout(family.names().storage().experts())),
            new Column("GGUF", FamilyTables::gguf),
            new Column("golden values", this::proof)),
        "",
        "### How tokens see each other",
        "",
        table(
            type,
            new Column("attention", AttentionRuleWords::attention),
            new Column("positions", AttentionRuleWords::positions),
            new Column("norms", family -> norms(family.blocks()))),
        "",
        "### How experts are chosen",
        "",
        table(
            type,
            new Column("experts", family -> FeedForwardRuleWords.experts(family.feedForward())),
            new Column("body", family -> FeedForwardRuleWords.body(family.feedForward())),
            new Column(
                "shared", family -> FeedForwardRuleWords.shared(family.feedForward().shared())),
            new Column("gate", family -> FeedForwardRuleWords.gate(family.feedForward().gate()))),
        "");
  }

  private String table(Column... columns) {
    List<String> rows = new ArrayList<>();
    rows.add(row(columns, Column::title));
    rows.add(row(columns, column -> "---"));
    families.forEach(family -> rows.add(row(columns, column -> column.cell().apply(family))));
    return String.join("\n", rows);
  }

  private static String row(Column[] columns, Function<Column, String> cell) {
    return List.of(columns).stream().map(cell).collect(Collectors.joining(" | ", "| ", " |"));
  }

  private String models(ModelFamily family) {
    return published.getProperty(family.modelType(), NOTHING);
  }

  private static String gguf(ModelFamily family) {
    return code(GgufArchitectures.ofFamily(family.modelType()));
  }

  private String proof(ModelFamily family) {
    return code(fixtures.getOrDefault(family.modelType(), List.of()));
  }

  private static String code(List<String> names) {
    return names.isEmpty()
        ? NOTHING
        : names.stream().map(name -> "`" + name + "`").collect(Collectors.joining(", "));
  }

  private static String norms(BlockRules blocks) {
    String kind =
        switch (blocks.norm()) {
          case RMS -> "RMS";
          case RMS_AROUND_ONE -> "RMS, weights around 0";
          case LAYER -> "layer norm with biases";
          case LAYER_UNBIASED -> "layer norm without biases";
        };
    return switch (blocks.place()) {
      case BEFORE -> kind;
      case ON_STREAM -> kind + ", on the residual stream";
      case AFTER -> kind + ", behind blocks";
    };
  }
}
