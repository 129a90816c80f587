package dev.consilium.router.forward;

import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.LinearAttention;
import dev.consilium.model.family.Mamba1;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.model.family.ShortConvolution;
import dev.consilium.tensor.F32Matrix;
import java.util.List;

/**
 * What recurrent layers compute on: one row per token of the largest batch, wide enough for the
 * widest layer.
 *
 * @param projected what the first projection gives, {@code [maxTokens, widest]}
 * @param convolved channels behind the convolution
 * @param selected narrow vector, B and C of Mamba
 * @param decay of each head, or each row of its state; time step of each channel of Mamba
 * @param strength of each head; what each channel of Mamba writes
 * @param read from the states, {@code [maxTokens, widest valueWidth]}
 */
record RecurrentRows(
    F32Matrix projected,
    F32Matrix convolved,
    F32Matrix selected,
    F32Matrix decay,
    F32Matrix strength,
    F32Matrix read) {

  /** With what is projected in the place of what is convolved, for layers that do not convolve. */
  RecurrentRows unconvolved() {
    return new RecurrentRows(projected, projected, selected, decay, strength, read);
  }

  /** Next to nothing for a model without recurrent layers. */
  static RecurrentRows of(ModelSpec spec, int maxTokens) {
    return of(
        spec.layers().stream()
            .map(LayerSpec::attention)
            .filter(RecurrentAttention.class::isInstance)
            .map(RecurrentAttention.class::cast)
            .toList(),
        maxTokens);
  }

  static RecurrentRows of(List<? extends RecurrentAttention> layers, int maxTokens) {
    int projection = 0;
    int channels = 0;
    int selected = 0;
    int heads = 0;
    int values = 0;
    for (RecurrentAttention layer : layers) {
      projection = Math.max(projection, layer.projectionWidth());
      channels = Math.max(channels, layer.channels());
      switch (layer) {
        case LinearAttention linear -> heads = Math.max(heads, linear.heads() * linear.decays());
        case Mamba1 mamba -> {
          selected = Math.max(selected, mamba.selectionWidth());
          heads = Math.max(heads, mamba.channels());
        }
        case ShortConvolution _ -> {}
      }
      values = Math.max(values, layer.valueWidth());
    }
    return new RecurrentRows(
        rows(maxTokens, projection),
        rows(maxTokens, channels),
        rows(maxTokens, selected),
        rows(maxTokens, heads),
        rows(maxTokens, heads),
        rows(maxTokens, values));
  }

  /** Bytes of a sequence's state: the convolution's window, then what else there is. */
  static long stateBytes(RecurrentAttention spec) {
    return Float.BYTES * (spec.windowElements() + spec.stateElements());
  }

  private static F32Matrix rows(int count, int columns) {
    return columns == 0 ? F32Matrix.allocate(0, 1) : F32Matrix.allocate(count, columns);
  }
}
