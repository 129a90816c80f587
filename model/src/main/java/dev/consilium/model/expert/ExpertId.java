package dev.consilium.model.expert;

import java.util.Comparator;

/**
 * One routed expert of a model. Ordered by layer, then index.
 *
 * @param layer from 0, counting all layers, dense ones too
 * @param index from 0, within the layer
 */
public record ExpertId(int layer, int index) implements Comparable<ExpertId> {

  private static final Comparator<ExpertId> ORDER =
      Comparator.comparingInt(ExpertId::layer).thenComparingInt(ExpertId::index);

  @Override
  public int compareTo(ExpertId other) {
    return ORDER.compare(this, other);
  }

  @Override
  public String toString() {
    return "layer " + layer + " expert " + index;
  }
}
