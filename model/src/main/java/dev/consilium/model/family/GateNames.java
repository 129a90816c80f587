package dev.consilium.model.family;

/**
 * Names of a gate's weights.
 *
 * @param weight {@code [expertCount, hiddenSize]}
 * @param bias added to the logits, {@code [expertCount]}
 * @param correctionBias added to the scores for the choice, {@code [expertCount]}
 */
public record GateNames(String weight, String bias, String correctionBias) {

  static GateNames of(String module) {
    return new GateNames(module + ".weight", module + ".bias", module + ".e_score_correction_bias");
  }

  GateNames forLayer(int layer) {
    return new GateNames(
        WeightNames.ofLayer(weight, layer),
        WeightNames.ofLayer(bias, layer),
        WeightNames.ofLayer(correctionBias, layer));
  }
}
