package dev.consilium.model.family;

import dev.consilium.model.family.AttentionRules.Biases;
import dev.consilium.model.family.AttentionRules.Window;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Reads the attention of every layer.
 *
 * <p>Not thread-safe; lives for one {@link #read}.
 */
final class AttentionReader {

  private static final int MAX_HEADS = 4096;
  private static final int MAX_HEAD_DIM = 1 << 14;

  private static final String FULL = "full_attention";
  private static final String SLIDING = "sliding_attention";

  private final AttentionRules rules;
  private final ConfigFields fields;

  AttentionReader(AttentionRules rules, ConfigFields fields) {
    this.rules = rules;
    this.fields = fields;
  }

  /** The attention of each layer. */
  List<AttentionSpec> read(int layers, int hidden, int context) {
    GroupedQueryAttention full = attention(hidden, context);
    List<AttentionSpec> all = new ArrayList<>();
    for (OptionalInt window : windows(layers)) {
      all.add(withWindow(full, window));
    }
    return all;
  }

  private GroupedQueryAttention attention(int hidden, int context) {
    int heads = fields.integer("num_attention_heads", 1, MAX_HEADS);
    int kvHeads = fields.optionalInteger("num_key_value_heads", 1, MAX_HEADS).orElse(heads);
    if (heads % kvHeads != 0) {
      throw fields.wrong(
          "num_key_value_heads", "a divisor of num_attention_heads, which is " + heads);
    }
    int headDim = headDim(hidden, heads);
    boolean queryKeyValueBias = queryKeyValueBias();
    return new GroupedQueryAttention(
        heads,
        kvHeads,
        headDim,
        (float) (1 / Math.sqrt(headDim)),
        new RotaryReader(fields, rules.ropeTheta(), headDim, context).read(),
        rules.qkNorm(),
        queryKeyValueBias,
        queryKeyValueBias && rules.biases() == Biases.ALL,
        OptionalInt.empty());
  }

  private int headDim(int hidden, int heads) {
    OptionalInt stated = fields.optionalInteger("head_dim", 1, MAX_HEAD_DIM);
    if (stated.isEmpty() && hidden % heads != 0) {
      throw fields.wrong(
          "num_attention_heads",
          "a divisor of hidden_size, which is %d, as there is no head_dim".formatted(hidden));
    }
    int headDim = stated.orElse(hidden / heads);
    if (headDim > MAX_HEAD_DIM) {
      throw fields.wrong("num_attention_heads", "at most " + MAX_HEAD_DIM + " values per head");
    }
    // The reference of these families norms over hidden_size values and ignores a head_dim.
    if (rules.qkNorm() == QkNorm.WHOLE_PROJECTION && (long) headDim * heads != hidden) {
      throw fields.wrong("head_dim", "hidden_size / num_attention_heads");
    }
    return headDim;
  }

  private boolean queryKeyValueBias() {
    return switch (rules.biases()) {
      case NONE -> false;
      case QUERY_KEY_VALUE -> fields.flag("qkv_bias", true);
      case ALL -> fields.flag("attention_bias", false);
    };
  }

  private static GroupedQueryAttention withWindow(GroupedQueryAttention full, OptionalInt window) {
    return new GroupedQueryAttention(
        full.heads(),
        full.kvHeads(),
        full.headDim(),
        full.scale(),
        full.rotary(),
        full.qkNorm(),
        full.queryKeyValueBias(),
        full.outputBias(),
        window);
  }

  /** The window of each layer. */
  private List<OptionalInt> windows(int layers) {
    List<String> types = layerTypes(layers);
    OptionalInt window = fields.optionalInteger("sliding_window", 0, Integer.MAX_VALUE);
    boolean slides =
        switch (rules.window()) {
          case NONE -> noWindow(window);
          case ALL_LAYERS -> window.isPresent();
          case ALL_LAYERS_IF_ENABLED -> fields.flag("use_sliding_window", false);
          case LISTED_LAYERS_IF_ENABLED -> enabledAndListed(types);
        };
    if (slides && window.orElse(0) < 1) {
      throw fields.wrong("sliding_window", "at least 1, as the window is in use");
    }
    List<OptionalInt> windows = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      windows.add(slides && slidesIn(i, types) ? window : OptionalInt.empty());
    }
    checkTypes(types, windows);
    return windows;
  }

  private boolean noWindow(OptionalInt window) {
    if (window.isPresent()) {
      throw fields.wrong("sliding_window", "none: the reference of this family has no window");
    }
    return false;
  }

  private boolean enabledAndListed(List<String> types) {
    fields.ignore(Set.of("max_window_layers"));
    boolean enabled = fields.flag("use_sliding_window", false);
    if (enabled && types.isEmpty()) {
      // Releases of the reference differ: the first max_window_layers, those after them, every
      // second, or all.
      throw fields.wrong(
          "use_sliding_window",
          "false, or a field layer_types that says which layers slide: releases of the reference differ in what"
              + " max_window_layers means");
    }
    return enabled;
  }

  private boolean slidesIn(int layer, List<String> types) {
    return rules.window() != Window.LISTED_LAYERS_IF_ENABLED || types.get(layer).equals(SLIDING);
  }

  private List<String> layerTypes(int layers) {
    List<String> types = fields.texts("layer_types");
    if (!types.isEmpty() && types.size() != layers) {
      throw fields.wrong("layer_types", layers + " entries, one per layer");
    }
    for (String type : types) {
      if (!type.equals(FULL) && !type.equals(SLIDING)) {
        throw fields.wrong("layer_types", "only " + FULL + " and " + SLIDING);
      }
    }
    return types;
  }

  /** A list that says otherwise than the fields that the reference goes by is a contradiction. */
  private void checkTypes(List<String> types, List<OptionalInt> windows) {
    for (int i = 0; i < types.size(); i++) {
      if (types.get(i).equals(SLIDING) != windows.get(i).isPresent()) {
        throw fields.wrong(
            "layer_types",
            (windows.get(i).isPresent() ? SLIDING : FULL)
                + " for layer "
                + i
                + ", by the window fields");
      }
    }
  }
}
