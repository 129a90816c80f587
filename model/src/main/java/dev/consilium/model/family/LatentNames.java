package dev.consilium.model.family;

/**
 * Names of the weights that only {@link LatentAttention} has.
 *
 * @param queryDown {@code [queryRank, hiddenSize]}
 * @param queryNorm {@code [queryRank]}
 * @param queryUp {@code [heads * queryDim, queryRank]}
 * @param keyValueDown {@code [keyValueRank + rotaryDim, hiddenSize]}
 * @param keyValueNorm {@code [keyValueRank]}
 * @param keyValueUp {@code [heads * (plainDim + valueDim), keyValueRank]}, of each head the keys'
 *     rows first
 */
public record LatentNames(
    String queryDown,
    String queryNorm,
    String queryUp,
    String keyValueDown,
    String keyValueNorm,
    String keyValueUp) {

  static LatentNames of(String module) {
    return new LatentNames(
        module + ".q_a_proj.weight",
        module + ".q_a_layernorm.weight",
        module + ".q_b_proj.weight",
        module + ".kv_a_proj_with_mqa.weight",
        module + ".kv_a_layernorm.weight",
        module + ".kv_b_proj.weight");
  }

  LatentNames forLayer(int layer) {
    return new LatentNames(
        WeightNames.fill(queryDown, "{layer}", layer),
        WeightNames.fill(queryNorm, "{layer}", layer),
        WeightNames.fill(queryUp, "{layer}", layer),
        WeightNames.fill(keyValueDown, "{layer}", layer),
        WeightNames.fill(keyValueNorm, "{layer}", layer),
        WeightNames.fill(keyValueUp, "{layer}", layer));
  }
}
