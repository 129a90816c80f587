package dev.consilium.expertnode.execution;

/** Tokens that one expert shall compute. The arrays are handed over: nobody changes them. */
public final class ExpertRows {

  private final int expert;
  private final int[] tokens;
  private final float[] weights;

  /**
   * Takes checked values.
   *
   * @param tokens rows of the hidden states, ascending, at least one
   * @param weights gate weight of each token, finite
   */
  public ExpertRows(int expert, int[] tokens, float[] weights) {
    if (tokens.length == 0 || tokens.length != weights.length) {
      throw new IllegalArgumentException(
          "expert %d has %d tokens and %d weights, expected at least one and as many"
              .formatted(expert, tokens.length, weights.length));
    }
    this.expert = expert;
    this.tokens = tokens;
    this.weights = weights;
  }

  public int expert() {
    return expert;
  }

  public int[] tokens() {
    return tokens;
  }

  public float[] weights() {
    return weights;
  }

  public int count() {
    return tokens.length;
  }
}
