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

  GatedNames filled(String place, int index) {
    return new GatedNames(
        WeightNames.fill(gate, place, index),
        WeightNames.fill(up, place, index),
        WeightNames.fill(down, place, index));
  }
}
