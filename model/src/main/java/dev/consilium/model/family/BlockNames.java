package dev.consilium.model.family;

/**
 * Names of the matrices of a feed-forward block {@code down(activation(gate x, up x))}.
 *
 * @param gate {@code [intermediateSize, hiddenSize]}; not in the file where blocks have no gate
 * @param up {@code [intermediateSize, hiddenSize]}
 * @param down {@code [hiddenSize, intermediateSize]}
 */
public record BlockNames(String gate, String up, String down) {

  static BlockNames of(String module) {
    return new BlockNames(
        module + ".gate_proj.weight", module + ".up_proj.weight", module + ".down_proj.weight");
  }

  /** Three matrices with names of their own in a module. */
  static BlockNames of(String module, String gate, String up, String down) {
    return new BlockNames(
        module + "." + gate + ".weight",
        module + "." + up + ".weight",
        module + "." + down + ".weight");
  }

  /**
   * Experts that {@link ExpertLayout} puts together.
   *
   * @param gateUp the tensor of gate and up matrices
   * @param down the tensor of down matrices
   */
  static BlockNames fused(String gateUp, String down) {
    return new BlockNames(
        gateUp + "[{expert}].gate", gateUp + "[{expert}].up", down + "[{expert}]");
  }

  /** Experts whose matrices of one kind {@link ExpertLayout} puts together. */
  static BlockNames apart(String gate, String up, String down) {
    return new BlockNames(gate + "[{expert}]", up + "[{expert}]", down + "[{expert}]");
  }

  /**
   * One block whose gate and up matrices are one tensor, gate rows first: its halves.
   *
   * @param gateUp {@code [2 * intermediateSize, hiddenSize]}
   */
  static BlockNames halves(String gateUp, String down) {
    return new BlockNames(gateUp + "[gate]", gateUp + "[up]", down);
  }

  /** What biases of these matrices are called, if there are any. */
  public BlockNames biases() {
    return new BlockNames(bias(gate), bias(up), bias(down));
  }

  private static String bias(String matrix) {
    return matrix.endsWith(".weight")
        ? matrix.substring(0, matrix.length() - "weight".length()) + "bias"
        : matrix.replace("[", "_bias[");
  }

  BlockNames ofLayer(int layer) {
    return new BlockNames(
        WeightNames.ofLayer(gate, layer),
        WeightNames.ofLayer(up, layer),
        WeightNames.ofLayer(down, layer));
  }

  BlockNames filled(String place, int index) {
    return new BlockNames(
        WeightNames.fill(gate, place, index),
        WeightNames.fill(up, place, index),
        WeightNames.fill(down, place, index));
  }
}
