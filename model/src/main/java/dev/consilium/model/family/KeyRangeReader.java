package dev.consilium.model.family;

import dev.consilium.model.family.AttentionRules.Keys;
import dev.consilium.tensor.AttentionShape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Reads which keys the tokens of each layer see.
 *
 * <p>Not thread-safe; lives for one {@link #read}.
 */
final class KeyRangeReader {

  private static final String FULL = "full_attention";
  private static final String SLIDING = "sliding_attention";
  private static final String CHUNKED = "chunked_attention";

  private static final int MAX_CHUNK = 1 << 30;

  private final Keys rule;
  private final ConfigFields fields;

  KeyRangeReader(Keys rule, ConfigFields fields) {
    this.rule = rule;
    this.fields = fields;
  }

  /**
   * The keys of each layer.
   *
   * @param turned for each layer whether it knows positions
   */
  List<KeyRange> read(List<Boolean> turned) {
    int layers = turned.size();
    return switch (rule) {
      case ALL -> {
        if (fields.optionalInteger("sliding_window", 0, Integer.MAX_VALUE).isPresent()) {
          throw fields.wrong("sliding_window", "none: the reference of this family has no window");
        }
        yield agreed(layers, new AllKeys());
      }
      case ALL_BESIDE_RECURRENT, ALL_IN_SINGLE_BLOCKS -> Collections.nCopies(layers, new AllKeys());
      case WINDOW -> agreed(layers, fields.has("sliding_window") ? window() : noWindow());
      case WINDOW_IF_ENABLED -> agreed(layers, enabled() ? window() : noWindow());
      case LISTED_WINDOW_IF_ENABLED -> listedIfEnabled(layers);
      case LISTED_WINDOW -> listedWindow(layers);
      case NAMED_WINDOW -> namedWindow(layers);
      case WINDOW_BEHIND -> windowBehind(layers);
      case LISTED_CHUNKS -> listedChunks(turned);
    };
  }

  private boolean enabled() {
    return fields.flag("use_sliding_window", false);
  }

  private SlidingWindow window() {
    int keys = fields.optionalInteger("sliding_window", 0, Integer.MAX_VALUE).orElse(0);
    if (keys < 1) {
      throw fields.wrong("sliding_window", "at least 1, as the window is in use");
    }
    return new SlidingWindow(keys);
  }

  private AllKeys noWindow() {
    fields.optionalInteger("sliding_window", 0, Integer.MAX_VALUE);
    return new AllKeys();
  }

  /** The same in all layers; a list that says otherwise is a contradiction. */
  private List<KeyRange> agreed(int layers, KeyRange all) {
    String wanted = all instanceof SlidingWindow ? SLIDING : FULL;
    List<String> types = types(layers, SLIDING);
    for (int i = 0; i < types.size(); i++) {
      if (!types.get(i).equals(wanted)) {
        throw fields.wrong("layer_types", wanted + " for layer " + i + ", by the window fields");
      }
    }
    return Collections.nCopies(layers, all);
  }

  private List<KeyRange> listedIfEnabled(int layers) {
    fields.ignore(Set.of("max_window_layers"));
    if (!enabled()) {
      return agreed(layers, noWindow());
    }
    List<String> types = types(layers, SLIDING);
    if (types.isEmpty()) {
      // Releases of the reference differ: the first max_window_layers, those after them, every
      // second, or all.
      throw fields.wrong(
          "use_sliding_window",
          "false, or a field layer_types that says which layers slide: releases of the reference differ in what"
              + " max_window_layers means");
    }
    return ranges(types, SLIDING, window());
  }

  private List<KeyRange> listedWindow(int layers) {
    List<String> types = types(layers, SLIDING);
    if (types.isEmpty()) {
      types = new ArrayList<>();
      for (int i = 0; i < layers; i++) {
        types.add(i % 2 == 0 ? SLIDING : FULL);
      }
    }
    return ranges(types, SLIDING, types.contains(SLIDING) ? window() : noWindow());
  }

  private List<KeyRange> namedWindow(int layers) {
    if (!fields.has("sliding_window")) {
      return agreed(layers, noWindow());
    }
    List<String> types = types(layers, SLIDING);
    if (types.isEmpty()) {
      throw fields.wrong("layer_types", "which layers slide, as there is a sliding_window");
    }
    return ranges(types, SLIDING, window());
  }

  private List<KeyRange> windowBehind(int layers) {
    int first = fields.optionalInteger("max_window_layers", 0, Integer.MAX_VALUE).orElse(layers);
    List<String> types = types(layers, SLIDING);
    if (types.isEmpty()) {
      boolean slides = fields.has("sliding_window");
      types =
          IntStream.range(0, layers).mapToObj(i -> slides && i >= first ? SLIDING : FULL).toList();
    }
    return ranges(types, SLIDING, types.contains(SLIDING) ? window() : noWindow());
  }

  private List<KeyRange> listedChunks(List<Boolean> turned) {
    List<String> types = types(turned.size(), CHUNKED);
    if (types.isEmpty()) {
      types = turned.stream().map(turns -> turns ? CHUNKED : FULL).toList();
    }
    int size = fields.optionalInteger("attention_chunk_size", 1, MAX_CHUNK).orElse(8192);
    if (size % AttentionShape.BLOCK_TOKENS != 0) {
      throw fields.wrong(
          "attention_chunk_size", "a multiple of " + AttentionShape.BLOCK_TOKENS + " tokens");
    }
    return ranges(types, CHUNKED, new KeyChunks(size));
  }

  private static List<KeyRange> ranges(List<String> types, String limited, KeyRange range) {
    return types.stream().map(type -> type.equals(limited) ? range : new AllKeys()).toList();
  }

  /** What {@code layer_types} says; empty when absent. */
  private List<String> types(int layers, String limited) {
    return fields.layerKinds("layer_types", layers, FULL, limited);
  }
}
