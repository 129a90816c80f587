package dev.consilium.model.family;

/**
 * Names of a layer's attention weights. All are there whether or not the model has that weight:
 * {@link AttentionSpec} says which it has.
 *
 * @param norm before attention, {@code [hiddenSize]}
 * @param query {@code [heads * headDim, hiddenSize]}
 * @param key {@code [kvHeads * headDim, hiddenSize]}
 * @param value {@code [kvHeads * headDim, hiddenSize]}
 * @param output {@code [hiddenSize, heads * headDim]}
 * @param queryNorm see {@link QkNorm} for the shape
 * @param keyNorm see {@link QkNorm} for the shape
 * @param sinks {@code [heads]}, see {@link AttentionScores}
 * @param recurrent of a recurrent layer, which has {@code norm} in common with the others
 * @param latent of latent attention, which has {@code norm}, {@code output} and perhaps {@code
 *     query} in common with the others
 */
public record AttentionNames(
    String norm,
    ProjectionNames query,
    ProjectionNames key,
    ProjectionNames value,
    ProjectionNames output,
    String queryNorm,
    String keyNorm,
    String sinks,
    RecurrentNames recurrent,
    LatentNames latent) {

  /** The same names but for what a recurrent layer has. */
  public AttentionNames withRecurrent(RecurrentNames other) {
    return new AttentionNames(
        norm, query, key, value, output, queryNorm, keyNorm, sinks, other, latent);
  }

  /** The same names where queries, keys and values are made by one matrix. */
  public AttentionNames withQueryKeyValue(ProjectionNames all) {
    return new AttentionNames(
        norm,
        all.part("query"),
        all.part("key"),
        all.part("value"),
        output,
        queryNorm,
        keyNorm,
        sinks,
        recurrent,
        latent);
  }

  AttentionNames forLayer(int layer) {
    return new AttentionNames(
        WeightNames.ofLayer(norm, layer),
        query.forLayer(layer),
        key.forLayer(layer),
        value.forLayer(layer),
        output.forLayer(layer),
        WeightNames.ofLayer(queryNorm, layer),
        WeightNames.ofLayer(keyNorm, layer),
        WeightNames.ofLayer(sinks, layer),
        recurrent.forLayer(layer),
        latent.forLayer(layer));
  }
}
