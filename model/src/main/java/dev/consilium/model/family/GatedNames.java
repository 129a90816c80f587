package dev.consilium.model.family;

/**
 * Names of the three matrices of a gated block {@code down(silu(gate x) * up x)}.
 *
 * @param gate {@code [intermediateSize, hiddenSize]}
 * @param up {@code [intermediateSize, hiddenSize]}
 * @param down {@code [hiddenSize, intermediateSize]}
 */
public record GatedNames(String gate, String up, String down) {

  static GatedNames of(String module) {
    return new GatedNames(
        module + ".gate_proj.weight", module + ".up_proj.weight", module + ".down_proj.weight");
  }

  /** What biases of these matrices are called, if there are any. */
  GatedNames biases() {
    return new GatedNames(bias(gate), bias(up), bias(down));
  }

  private static String bias(String matrix) {
    return matrix.endsWith(".weight")
        ? matrix.substring(0, matrix.length() - "weight".length()) + "bias"
        : matrix.replace("[", "_bias[");
  }

  GatedNames filled(String place, int index) {
    return new GatedNames(
        WeightNames.fill(gate, place, index),
        WeightNames.fill(up, place, index),
        WeightNames.fill(down, place, index));
  }
}
