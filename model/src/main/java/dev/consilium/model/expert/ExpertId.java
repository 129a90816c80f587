package dev.consilium.model.expert;

/**
 * One routed expert of a model. Ordered by layer, then index.
 *
 * @param layer from 0, counting all layers, dense ones too
 * @param index from 0, within the layer
 */
public record ExpertId(int layer, int index) implements Comparable<ExpertId> {

  @Override
  public int compareTo(ExpertId other) {
    return layer == other.layer
        ? Integer.compare(index, other.index)
        : Integer.compare(layer, other.layer);
  }

  @Override
  public String toString() {
    return "layer " + layer + " expert " + index;
  }
}
