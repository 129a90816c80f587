package dev.consilium.model.gguf;

import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.ModelSpec;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/** How files say which keys tokens see. */
sealed interface GgufWindow extends GgufAxis {

  /** All of them. */
  record None() implements GgufWindow {
    @Override
    public void read(GgufReading from) {
      if (from.whole(GgufKey.SLIDING_WINDOW).orElse(0) != 0) {
        throw from.unwanted(
            GgufKey.SLIDING_WINDOW, "none: " + from.architecture().name() + " sees all keys");
      }
      from.has(GgufKey.ROTARY_BASE_OF_WINDOWS); // there may be one for windows that are not there
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {}
  }

  /** The last ones, in the layers that the family says. */
  record Sliding() implements GgufWindow {
    @Override
    public void read(GgufReading from) {
      from.origin(GgufKey.SLIDING_WINDOW, "sliding_window");
      OptionalInt window = from.whole(GgufKey.SLIDING_WINDOW);
      if (window.orElse(0) > 0) {
        from.put(GgufKey.SLIDING_WINDOW, "sliding_window", window.getAsInt());
      }
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      spec.layers().stream()
          .flatMapToInt(layer ->
              layer.attention() instanceof GroupedQueryAttention grouped
                  ? grouped.slidingWindow().stream()
                  : IntStream.empty())
          .findFirst()
          .ifPresent(keys -> to.whole(GgufKey.SLIDING_WINDOW, keys));
    }
  }

  /**
   * The last ones, in layers that files list, or in all but every n-th.
   *
   * @param every n where files do not say
   */
  record Listed(int every) implements GgufWindow {
    @Override
    public void read(GgufReading from) {
      new Sliding().read(from);
      from.origin(GgufKey.WINDOW_PATTERN, "layer_types");
      ArrayNode types = from.config().putArray("layer_types");
      for (boolean window : windows(from)) {
        types.add(window ? "sliding_attention" : "full_attention");
      }
    }

    private List<Boolean> windows(GgufReading from) {
      int layers = from.layers() - from.predictionLayers();
      if (from.isList(GgufKey.WINDOW_PATTERN)) {
        List<Boolean> listed = from.flags(GgufKey.WINDOW_PATTERN);
        if (listed.size() != layers && listed.size() != from.layers()) {
          throw from.unwanted(
              GgufKey.WINDOW_PATTERN, "%d of them, one per layer".formatted(layers));
        }
        return listed.subList(0, layers);
      }
      int period = from.whole(GgufKey.WINDOW_PATTERN).orElse(every);
      if (period < 1) {
        throw from.unwanted(GgufKey.WINDOW_PATTERN, "at least 1");
      }
      return IntStream.rangeClosed(1, layers).mapToObj(number -> number % period != 0).toList();
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      new Sliding().write(spec, to);
      to.flags(
          GgufKey.WINDOW_PATTERN,
          spec.layers().stream()
              .map(layer ->
                  layer.attention() instanceof GroupedQueryAttention grouped
                      && grouped.slidingWindow().isPresent())
              .toList());
    }
  }

  /**
   * Llama 4's: chunks, and sharper attention far away where positions are not known. Files do not
   * say how large, since all models have the same.
   */
  record Chunks() implements GgufWindow {
    private static final int TOKENS = 8192;
    private static final double STRENGTH = 0.1;

    /** Of the only published models without a norm on queries and keys. */
    private static final int EXPERTS_WITHOUT_NORM = 128;

    @Override
    public void read(GgufReading from) {
      OptionalInt window = from.whole(GgufKey.SLIDING_WINDOW);
      if (window.isPresent() && window.getAsInt() == 0) {
        throw from.unwanted(GgufKey.SLIDING_WINDOW, "none: all layers would see all keys");
      }
      from.config().put("attention_chunk_size", TOKENS);
      from.config().put("floor_scale", TOKENS);
      from.config().put("attn_scale", STRENGTH);
      from.config()
          .put("use_qk_norm", from.whole(GgufKey.EXPERTS).orElse(0) != EXPERTS_WITHOUT_NORM);
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {}
  }
}
