package dev.consilium.model.gguf;

import dev.consilium.model.family.ModelSpec;

/** What a norm adds that only layers have that predict further ahead; other programs want it. */
record GgufFurtherNorm() implements GgufAxis {

  @Override
  public void read(GgufReading from) {
    from.has(GgufKey.LAYER_NORM_EPSILON);
  }

  @Override
  public void write(ModelSpec spec, GgufWriting to) {
    to.real(GgufKey.LAYER_NORM_EPSILON, spec.normEpsilon());
  }
}
