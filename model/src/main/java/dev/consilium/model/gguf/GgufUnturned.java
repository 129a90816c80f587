package dev.consilium.model.gguf;

import dev.consilium.model.family.ModelSpec;

/** Heads that no rotary embedding turns; files may say how one would. */
record GgufUnturned() implements GgufAxis {

  @Override
  public void read(GgufReading from) {
    from.has(GgufKey.ROTARY_DIMENSIONS);
    from.has(GgufKey.ROTARY_BASE);
  }

  @Override
  public void write(ModelSpec spec, GgufWriting to) {
    to.flag(GgufKey.SCALING_FINETUNED, false);
  }
}
