package dev.consilium.router.forward;

import dev.consilium.model.family.AttentionSpec;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.NoMixing;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.model.family.RotarySpec;
import dev.consilium.tensor.F32Matrix;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

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

  /** Latent attention's queries, {@code [maxTokens, heads * queryDim]}. */
  final F32Matrix latentQueries;

  /** The same as they meet the cache, {@code [maxTokens, heads * cacheWidth]}. */
  final F32Matrix latentKeys;

  /** Latent attention's values, {@code [maxTokens, heads * valueDim]}. */
  final F32Matrix latentValues;

  /** Gate logits, {@code [maxTokens, most choices]}. */
  final F32Matrix gateLogits;

  /** What goes to the experts when the wire dtype is narrower than f32. */
  final F32Matrix rounded;

  /**
   * What routed experts see of tokens where that is narrower, and later the sums of their outputs.
   */
  final F32Matrix narrow;

  /** What late experts see of tokens, whose own memory other blocks use meanwhile. */
  final F32Matrix late;

  final RecurrentRows recurrent;

  /** By rotary specification, since layers may differ. */
  final Map<RotarySpec, RotaryRows> rotary = new HashMap<>();

  Workspace(ModelSpec spec, int maxTokens) {
    hidden = F32Matrix.allocate(maxTokens, spec.hiddenSize());
    normed = F32Matrix.allocate(maxTokens, spec.hiddenSize());
    delta = F32Matrix.allocate(maxTokens, spec.hiddenSize());
    rounded = F32Matrix.allocate(maxTokens, spec.expertWidth());
    boolean narrower = spec.expertWidth() != spec.hiddenSize();
    narrow = F32Matrix.allocate(narrower ? maxTokens : 0, spec.expertWidth());
    late = F32Matrix.allocate(anyLate(spec) ? maxTokens : 0, spec.hiddenSize());
    Widths widths = new Widths();
    for (LayerSpec layer : spec.layers()) {
      widths
          .add(layer.attention())
          .ifPresent(
              turned -> rotary.computeIfAbsent(turned, key -> new RotaryRows(key, maxTokens)));
    }
    recurrent = RecurrentRows.of(spec, maxTokens);
    queryKeyValue = F32Matrix.allocate(maxTokens, widths.projected);
    attended = F32Matrix.allocate(maxTokens, widths.attended);
    latentQueries = F32Matrix.allocate(maxTokens, widths.latentQueries);
    latentKeys = F32Matrix.allocate(maxTokens, widths.latentKeys);
    latentValues = F32Matrix.allocate(maxTokens, widths.latentValues);
    gateLogits = F32Matrix.allocate(maxTokens, mostChoices(spec));
  }

  private static Stream<MixtureOfExperts> experts(ModelSpec spec) {
    return spec.layers().stream()
        .map(LayerSpec::feedForward)
        .filter(MixtureOfExperts.class::isInstance)
        .map(MixtureOfExperts.class::cast);
  }

  private static boolean anyLate(ModelSpec spec) {
    return experts(spec).anyMatch(MixtureOfExperts::late);
  }

  private static int mostChoices(ModelSpec spec) {
    return experts(spec).mapToInt(layer -> layer.gate().choices()).max().orElse(1);
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

  /** The widest row of each matrix over all layers. */
  private static final class Widths {
    int projected = 1;
    int attended = 1;
    int latentQueries = 1;
    int latentKeys = 1;
    int latentValues = 1;

    /** Makes room for a layer, whose rotary embedding, if any, it returns. */
    Optional<RotarySpec> add(AttentionSpec attention) {
      return switch (attention) {
        case GroupedQueryAttention grouped -> {
          projected = Math.max(projected, grouped.projectionWidth());
          attended = Math.max(attended, grouped.queryWidth());
          yield grouped.rotary();
        }
        case LatentAttention latent -> {
          projected = Math.max(projected, latent.queryInput() + latent.cacheWidth());
          attended = Math.max(attended, latent.heads() * latent.keyValueRank());
          latentQueries = Math.max(latentQueries, latent.queryWidth());
          latentKeys = Math.max(latentKeys, latent.heads() * latent.cacheWidth());
          latentValues = Math.max(latentValues, latent.heads() * latent.valueDim());
          yield latent.rotary();
        }
        case RecurrentAttention _, NoMixing _ -> Optional.empty();
      };
    }
  }
}
