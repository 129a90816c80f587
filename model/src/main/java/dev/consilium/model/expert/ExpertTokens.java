package dev.consilium.model.expert;

/** The tokens that one expert has to compute, with the gate weight of each. Immutable. */
public final class ExpertTokens {

  private final int expert;
  private final int[] tokens;
  private final float[] weights;

  /**
   * @param expert index within the layer
   * @param tokens rows of the hidden matrix, strictly ascending; copied
   * @param weights what the expert's output for each of them is multiplied by; copied
   */
  public ExpertTokens(int expert, int[] tokens, float[] weights) {
    if (tokens.length != weights.length) {
      throw new IllegalArgumentException(
          "expert %d has %d tokens and %d weights"
              .formatted(expert, tokens.length, weights.length));
    }
    this.expert = expert;
    this.tokens = tokens.clone();
    this.weights = weights.clone();
    for (int i = 0; i < tokens.length; i++) {
      if (this.tokens[i] < 0 || (i > 0 && this.tokens[i] <= this.tokens[i - 1])) {
        throw new IllegalArgumentException(
            "expert %d: token %d at place %d does not ascend from 0"
                .formatted(expert, tokens[i], i));
      }
    }
  }

  public int expert() {
    return expert;
  }

  /** How many tokens there are. */
  public int count() {
    return tokens.length;
  }

  /** The row in the hidden matrix of the token at {@code place}. */
  public int token(int place) {
    return tokens[place];
  }

  /** The gate weight of the token at {@code place}. */
  public float weight(int place) {
    return weights[place];
  }

  /** The array itself, for products; not to be changed. */
  int[] rows() {
    return tokens;
  }
}
