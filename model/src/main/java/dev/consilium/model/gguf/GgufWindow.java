package dev.consilium.model.gguf;

import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.ModelSpec;
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
