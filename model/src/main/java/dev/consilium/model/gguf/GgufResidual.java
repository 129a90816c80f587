package dev.consilium.model.gguf;

import dev.consilium.model.family.ModelSpec;

/** What multiplies the residual stream at every addition; what blocks add is not multiplied. */
record GgufResidual() implements GgufAxis {

  @Override
  public void read(GgufReading from) {
    for (String block : new String[] {"full_attn", "linear_attn", "mlp"}) {
      from.real(GgufKey.RESIDUAL_SCALE, block + "_alpha_factor");
    }
  }

  @Override
  public void write(ModelSpec spec, GgufWriting to) {
    to.real(GgufKey.RESIDUAL_SCALE, spec.layers().getFirst().feedForwardResidual().stream());
  }
}
