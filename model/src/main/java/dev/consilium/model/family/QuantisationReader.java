package dev.consilium.model.family;

import dev.consilium.model.family.WeightStorage.ScaleBlocks;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Reads how a configuration says that weights are stored: {@code quantization_config}.
 *
 * <p>Not thread-safe; lives for one {@link #read}.
 */
final class QuantisationReader {

  private static final String FIELD = "quantization_config";
  private static final int MAX_BLOCK = 1 << 14;

  private final ConfigFields fields;
  private final ModelFamily family;

  /**
   * A reader.
   *
   * @param fields those beside {@code quantization_config}
   */
  QuantisationReader(ConfigFields fields, ModelFamily family) {
    this.fields = fields;
    this.family = family;
  }

  /**
   * Where the text model's configuration stands in another: that one says how weights are stored,
   * or the text model's does.
   */
  static ConfigFields place(ConfigFields text, ConfigFields around) {
    if (!around.has(FIELD)) {
      return text;
    }
    if (text.has(FIELD)) {
      throw text.wrong(FIELD, "none beside the one outside");
    }
    return around;
  }

  /** What files call the weights, and how they hold them. */
  WeightNames read() {
    Optional<ConfigFields> config = fields.object(FIELD);
    if (config.isEmpty()) {
      return family.names();
    }
    String method = config.get().optionalText("quant_method").orElse("");
    // Which modules were left as they are shows in the tensors.
    config.get().ignore(Set.of("modules_to_not_convert", "ignored_layers"));
    WeightNames names =
        switch (method) {
          case "fp8" -> blockScaled(config.get());
          case "mxfp4" -> mxfp4();
          default -> throw config.get().wrong("quant_method", "\"fp8\" or \"mxfp4\"");
        };
    config.get().refuseUnread();
    return names;
  }

  private WeightNames blockScaled(ConfigFields config) {
    config.neutral("fmt", Set.of("\"e4m3\""));
    // How a GPU may round activations on their way; ours stay f32.
    config.neutral("activation_scheme", Set.of("\"dynamic\""));
    config.neutral("scale_fmt", Set.of("\"ue8m0\"", "\"float\""));
    List<Integer> block = config.integers("weight_block_size", 1, MAX_BLOCK);
    if (block.size() != 2) {
      throw config.wrong("weight_block_size", "rows and columns of a block");
    }
    WeightNames names = family.scaledNames();
    ScaleBlocks blocks = new ScaleBlocks(block.get(0), block.get(1));
    return names.stored(new WeightStorage(names.storage().experts(), Optional.of(blocks)));
  }

  private WeightNames mxfp4() {
    if (family.names().storage().experts() != ExpertLayout.TRANSPOSED_ALTERNATING) {
      throw fields.wrong(FIELD, "none with quant_method mxfp4 for this family");
    }
    return family.names().stored(WeightStorage.of(ExpertLayout.MXFP4_ALTERNATING));
  }
}
