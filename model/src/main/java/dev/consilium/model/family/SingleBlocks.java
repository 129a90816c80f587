package dev.consilium.model.family;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads what each layer is in families whose layers are one block each: {@code layers_block_type},
 * or a letter for each layer in {@code hybrid_override_pattern}.
 */
final class SingleBlocks {

  /** What a layer is. */
  enum Kind {
    RECURRENT,
    ATTENTION,
    EXPERTS,
    DENSE
  }

  private static final String LIST = "layers_block_type";
  private static final String PATTERN = "hybrid_override_pattern";

  private static final Map<String, Kind> NAMES =
      Map.of(
          "linear_attention", Kind.RECURRENT,
          "mamba", Kind.RECURRENT,
          "full_attention", Kind.ATTENTION,
          "attention", Kind.ATTENTION,
          "moe", Kind.EXPERTS,
          "mlp", Kind.DENSE);

  private static final Map<Integer, Kind> LETTERS =
      Map.of(
          (int) 'M', Kind.RECURRENT,
          (int) '*', Kind.ATTENTION,
          (int) 'E', Kind.EXPERTS,
          (int) '-', Kind.DENSE);

  private SingleBlocks() {}

  /**
   * The kind of each layer, as many as there are.
   *
   * @throws ConfigException if neither field is there, or they contradict each other
   */
  static List<Kind> read(ConfigFields fields) {
    List<Kind> listed = fields.texts(LIST).stream().map(name -> listed(fields, name)).toList();
    List<Kind> drawn =
        fields.optionalText(PATTERN).orElse("").chars().mapToObj(c -> drawn(fields, c)).toList();
    if (listed.isEmpty() && drawn.isEmpty()) {
      throw fields.wrong(PATTERN, "one of M, *, E and - for each layer");
    }
    if (!listed.isEmpty() && !drawn.isEmpty() && !listed.equals(drawn)) {
      throw fields.wrong(PATTERN, "the same as " + LIST);
    }
    return listed.isEmpty() ? drawn : listed;
  }

  private static Kind listed(ConfigFields fields, String name) {
    return Optional.ofNullable(NAMES.get(name))
        .orElseThrow(
            () -> fields.wrong(LIST, "only linear_attention, full_attention, moe and mlp"));
  }

  private static Kind drawn(ConfigFields fields, int letter) {
    return Optional.ofNullable(LETTERS.get(letter))
        .orElseThrow(() -> fields.wrong(PATTERN, "only M, *, E and -"));
  }
}
