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
 * @param keyUpTemplate instead of that, one for each <code>{head}</code>: {@code [keyValueRank,
 *     plainDim]}, its keys' rows as columns
 * @param valueUpTemplate beside those, one for each <code>{head}</code>: {@code [valueDim,
 *     keyValueRank]}
 */
public record LatentNames(
    String queryDown,
    String queryNorm,
    String queryUp,
    String keyValueDown,
    String keyValueNorm,
    String keyValueUp,
    String keyUpTemplate,
    String valueUpTemplate) {

  static LatentNames of(String module) {
    return new LatentNames(
        module + ".q_a_proj.weight",
        module + ".q_a_layernorm.weight",
        module + ".q_b_proj.weight",
        module + ".kv_a_proj_with_mqa.weight",
        module + ".kv_a_layernorm.weight",
        module + ".kv_b_proj.weight",
        module + ".k_b_proj.weight[{head}]",
        module + ".v_b_proj.weight[{head}]");
  }

  LatentNames forLayer(int layer) {
    return new LatentNames(
        WeightNames.ofLayer(queryDown, layer),
        WeightNames.ofLayer(queryNorm, layer),
        WeightNames.ofLayer(queryUp, layer),
        WeightNames.ofLayer(keyValueDown, layer),
        WeightNames.ofLayer(keyValueNorm, layer),
        WeightNames.ofLayer(keyValueUp, layer),
        WeightNames.ofLayer(keyUpTemplate, layer),
        WeightNames.ofLayer(valueUpTemplate, layer));
  }

  /** What a head's queries meet latent vectors with. */
  public String keyUp(int head) {
    return WeightNames.fill(keyUpTemplate, "{head}", head);
  }

  /** What makes a head's values of latent vectors. */
  public String valueUp(int head) {
    return WeightNames.fill(valueUpTemplate, "{head}", head);
  }
}
