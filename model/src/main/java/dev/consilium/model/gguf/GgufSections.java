package dev.consilium.model.gguf;

import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.ModelSpec;
import java.util.List;

/**
 * How many frequencies of a rotary embedding turn with time, height and width. A token of text has
 * one position for all of them, so that this says nothing of text; but other programs want it.
 */
record GgufSections() implements GgufAxis {

  @Override
  public void read(GgufReading from) {
    from.has(GgufKey.ROTARY_SECTIONS);
  }

  /** Even shares, larger ones first, as published models have them. */
  @Override
  public void write(ModelSpec spec, GgufWriting to) {
    GgufWriting.attention(spec, GroupedQueryAttention.class)
        .flatMap(GroupedQueryAttention::rotary)
        .map(rotary -> rotary.rotaryDim() / 2)
        .ifPresent(all ->
            to.wholes(GgufKey.ROTARY_SECTIONS, List.of((all + 2) / 3, (all + 1) / 3, all / 3, 0)));
  }
}
