package dev.consilium.router.forward;

import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.tensor.F32Matrix;
import java.util.List;

/**
 * What recurrent layers compute on: one row per token of the largest batch, wide enough for the
 * widest layer.
 *
 * @param projected queries, keys, values, output gate, scalars, {@code [maxTokens, widest]}
 * @param convolved queries, keys, values behind the convolution
 * @param decay of each head
 * @param strength of each head
 * @param read from the states, {@code [maxTokens, widest valueWidth]}
 */
record RecurrentRows(
    F32Matrix projected, F32Matrix convolved, F32Matrix decay, F32Matrix strength, F32Matrix read) {

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

  static RecurrentRows of(List<RecurrentAttention> layers, int maxTokens) {
    int projection = 0;
    int channels = 0;
    int heads = 0;
    int values = 0;
    for (RecurrentAttention layer : layers) {
      projection = Math.max(projection, layer.projectionWidth());
      channels = Math.max(channels, layer.channels());
      heads = Math.max(heads, layer.heads());
      values = Math.max(values, layer.valueWidth());
    }
    return new RecurrentRows(
        rows(maxTokens, projection),
        rows(maxTokens, channels),
        rows(maxTokens, heads),
        rows(maxTokens, heads),
        rows(maxTokens, values));
  }

  private static F32Matrix rows(int count, int columns) {
    return columns == 0 ? F32Matrix.allocate(0, 1) : F32Matrix.allocate(count, columns);
  }
}
