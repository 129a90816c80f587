package dev.consilium.router.forward;

import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.RotarySpec;
import dev.consilium.tensor.F32Matrix;
import java.util.HashMap;
import java.util.Map;

/** Memory that every step uses again: one row per token of the largest batch. */
final class Workspace {
  /** The residual stream, {@code [maxTokens, hiddenSize]}. */
  final F32Matrix hidden;

  /** Input of a block, normalised. */
  final F32Matrix normed;

  /** What a block adds to the residual stream. */
  final F32Matrix delta;

  /** Queries, keys and values side by side, {@code [maxTokens, widest]}. */
  final F32Matrix queryKeyValue;

  /** Attention's result before the output projection. */
  final F32Matrix attended;

  /** Gate logits, {@code [maxTokens, most experts]}. */
  final F32Matrix gateLogits;

  /** What goes to the experts when the wire dtype is narrower than f32. */
  final F32Matrix rounded;

  final RecurrentRows recurrent;

  /** By rotary specification, since layers may differ. */
  final Map<RotarySpec, RotaryRows> rotary = new HashMap<>();

  Workspace(ModelSpec spec, int maxTokens) {
    hidden = F32Matrix.allocate(maxTokens, spec.hiddenSize());
    normed = F32Matrix.allocate(maxTokens, spec.hiddenSize());
    delta = F32Matrix.allocate(maxTokens, spec.hiddenSize());
    rounded = F32Matrix.allocate(maxTokens, spec.hiddenSize());
    int widest = 1;
    int widestQuery = 1;
    int mostExperts = 1;
    for (LayerSpec layer : spec.layers()) {
      if (layer.attention() instanceof GroupedQueryAttention attention) {
        widest = Math.max(widest, attention.projectionWidth());
        widestQuery = Math.max(widestQuery, attention.queryWidth());
        attention
            .rotary()
            .ifPresent(
                turned -> rotary.computeIfAbsent(turned, one -> new RotaryRows(one, maxTokens)));
      }
      if (layer.feedForward() instanceof MixtureOfExperts experts) {
        mostExperts = Math.max(mostExperts, experts.gate().expertCount());
      }
    }
    recurrent = RecurrentRows.of(spec, maxTokens);
    queryKeyValue = F32Matrix.allocate(maxTokens, widest);
    attended = F32Matrix.allocate(maxTokens, widestQuery);
    gateLogits = F32Matrix.allocate(maxTokens, mostExperts);
  }

  /** Most tokens of a sequence whose keys stay as they are when it grows. */
  int shortTokens() {
    return rotary.keySet().stream()
        .mapToInt(RotarySpec::shortTokens)
        .min()
        .orElse(Integer.MAX_VALUE);
  }

  RotaryRows rotary(RotarySpec spec) {
    RotaryRows rows = rotary.get(spec);
    if (rows == null) {
      throw new IllegalArgumentException("no layer has the rotary embedding " + spec);
    }
    return rows;
  }
}
