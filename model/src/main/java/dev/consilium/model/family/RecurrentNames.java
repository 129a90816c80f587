package dev.consilium.model.family;

/**
 * Names of a recurrent layer's weights. All are there whether or not the layer has that weight:
 * {@link RecurrentAttention} says which it has.
 *
 * @param input the projection {@code [outputs, hiddenSize]}; without the scalars of a {@link
 *     GatedDeltaNet}
 * @param scalars the projection of the scalars of a {@link GatedDeltaNet}, {@code [2 * heads,
 *     hiddenSize]}
 * @param convolution {@code [channels, 1, taps]}
 * @param convolutionBias {@code [channels]}
 * @param timeStepBias {@code [heads]}
 * @param decay logarithms of rates, {@code [heads]}
 * @param skip what a value adds to the result directly, {@code [heads]}
 * @param norm of the result: {@code [valueDim]} of a {@link GatedDeltaNet}, {@code [valueWidth]} of
 *     a {@link Mamba2}
 * @param output {@code [hiddenSize, valueWidth]}
 */
public record RecurrentNames(
    String input,
    String scalars,
    String convolution,
    String convolutionBias,
    String timeStepBias,
    String decay,
    String skip,
    String norm,
    String output) {

  /** Of a module with the reference's names of its parts. */
  static RecurrentNames of(String module, String input, String scalars) {
    return new RecurrentNames(
        module + "." + input + ".weight",
        module + "." + scalars + ".weight",
        module + ".conv1d.weight",
        module + ".conv1d.bias",
        module + ".dt_bias",
        module + ".A_log",
        module + ".D",
        module + ".norm.weight",
        module + ".out_proj.weight");
  }

  RecurrentNames forLayer(int layer) {
    return new RecurrentNames(
        WeightNames.fill(input, "{layer}", layer),
        WeightNames.fill(scalars, "{layer}", layer),
        WeightNames.fill(convolution, "{layer}", layer),
        WeightNames.fill(convolutionBias, "{layer}", layer),
        WeightNames.fill(timeStepBias, "{layer}", layer),
        WeightNames.fill(decay, "{layer}", layer),
        WeightNames.fill(skip, "{layer}", layer),
        WeightNames.fill(norm, "{layer}", layer),
        WeightNames.fill(output, "{layer}", layer));
  }
}
