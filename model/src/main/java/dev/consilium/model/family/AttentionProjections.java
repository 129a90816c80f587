package dev.consilium.model.family;

/**
 * What is around the matrices that queries, keys and values, and the result, are made with.
 *
 * @param inputBiases whether query, key and value have biases
 * @param outputBias whether the output has one
 * @param clip queries, keys and values are cut off at this magnitude, before norms and rotation;
 *     infinite: they are not
 * @param gate whether the query projection also gives a gate, whose sigmoid multiplies the result:
 *     each head's rows of the query, then as many of the gate
 */
public record AttentionProjections(
    boolean inputBiases, boolean outputBias, float clip, boolean gate) {

  /** No limit to queries, keys and values. */
  public static final float UNCLIPPED = Float.POSITIVE_INFINITY;

  /** Matrices alone. */
  public static final AttentionProjections PLAIN =
      new AttentionProjections(false, false, UNCLIPPED, false);

  public AttentionProjections {
    if (!(clip > 0)) {
      throw new IllegalArgumentException("clip " + clip + ", want a magnitude above 0");
    }
  }

  /** Whether queries, keys and values are cut off. */
  public boolean clips() {
    return clip != UNCLIPPED;
  }
}
