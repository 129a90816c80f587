package dev.consilium.model.family;

/**
 * Constants that some families multiply by.
 *
 * @param embedding the embedding of each token
 * @param residual what a block adds to the residual stream
 * @param logits the product with the head
 */
public record Multipliers(float embedding, float residual, float logits) {

  /** As most families are. */
  public static final Multipliers NONE = new Multipliers(1, 1, 1);
}
