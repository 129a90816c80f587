package dev.consilium.model.family;

/**
 * Names of a projection's matrix and of its bias, if it has one.
 *
 * @param weight {@code [outputs, inputs]}
 * @param bias {@code [outputs]}
 */
public record ProjectionNames(String weight, String bias) {

  static ProjectionNames of(String module) {
    return new ProjectionNames(module + ".weight", module + ".bias");
  }

  /** Names of some rows of it. */
  public ProjectionNames part(String rows) {
    return new ProjectionNames(weight + "[" + rows + "]", bias + "[" + rows + "]");
  }

  ProjectionNames forLayer(int layer) {
    return new ProjectionNames(
        WeightNames.ofLayer(weight, layer), WeightNames.ofLayer(bias, layer));
  }
}
