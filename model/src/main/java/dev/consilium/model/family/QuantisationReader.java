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
  private final WeightStorage plain;

  /**
   * @param plain how the family stores weights that are not quantised
   */
  QuantisationReader(ConfigFields fields, WeightStorage plain) {
    this.fields = fields;
    this.plain = plain;
  }

  WeightStorage read() {
    Optional<ConfigFields> config = fields.object(FIELD);
    if (config.isEmpty()) {
      return plain;
    }
    String method = config.get().optionalText("quant_method").orElse("");
    // Which modules were left as they are shows in the tensors.
    config.get().ignore(Set.of("modules_to_not_convert", "ignored_layers"));
    WeightStorage storage =
        switch (method) {
          case "fp8" -> blockScaled(config.get());
          case "mxfp4" -> mxfp4();
          default -> throw config.get().wrong("quant_method", "\"fp8\" or \"mxfp4\"");
        };
    config.get().refuseUnread();
    return storage;
  }

  private WeightStorage blockScaled(ConfigFields config) {
    config.neutral("fmt", Set.of("\"e4m3\""));
    // How a GPU may round activations on their way; ours stay f32.
    config.neutral("activation_scheme", Set.of("\"dynamic\""));
    config.neutral("scale_fmt", Set.of("\"ue8m0\"", "\"float\""));
    List<Integer> block = config.integers("weight_block_size", 1, MAX_BLOCK);
    if (block.size() != 2) {
      throw config.wrong("weight_block_size", "rows and columns of a block");
    }
    return new WeightStorage(
        plain.experts(), Optional.of(new ScaleBlocks(block.get(0), block.get(1))));
  }

  private WeightStorage mxfp4() {
    if (plain.experts() != ExpertLayout.TRANSPOSED_ALTERNATING) {
      throw fields.wrong(FIELD, "none with quant_method mxfp4 for this family");
    }
    return WeightStorage.of(ExpertLayout.MXFP4_ALTERNATING);
  }
}
