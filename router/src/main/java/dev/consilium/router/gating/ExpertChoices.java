package dev.consilium.router.gating;

import java.util.ArrayList;
import java.util.List;

/**
 * The experts chosen for a batch of tokens in one layer: {@code topK} for each token, best first.
 *
 * <p>Filled by the gate for tokens {@code 0 .. tokens-1} and read only afterwards.
 */
public final class ExpertChoices {
  private final int tokens;
  private final int topK;
  private final int expertCount;
  private final int[] experts;
  private final float[] weights;

  /**
   * @param tokens tokens in the batch
   * @param topK experts per token
   * @param expertCount experts in the layer; higher numbers are identities
   */
  public ExpertChoices(int tokens, int topK, int expertCount) {
    this.tokens = tokens;
    this.topK = topK;
    this.expertCount = expertCount;
    this.experts = new int[tokens * topK];
    this.weights = new float[tokens * topK];
  }

  public int tokens() {
    return tokens;
  }

  public int topK() {
    return topK;
  }

  /** The expert index at {@code rank} (0 = best) of {@code token}. */
  public int expert(int token, int rank) {
    return experts[token * topK + rank];
  }

  /** Experts in the layer. */
  public int expertCount() {
    return expertCount;
  }

  /** Whether what was chosen gives the token back as it is, and is no expert. */
  public boolean identity(int token, int rank) {
    return expert(token, rank) >= expertCount;
  }

  /** The gate weight of {@link #expert(int, int)}, as the combine applies it. */
  public float weight(int token, int rank) {
    return weights[token * topK + rank];
  }

  /** All of one token's choices, as a record that outlives the batch. */
  public ChosenExperts ofToken(int layer, int token) {
    List<Integer> chosen = new ArrayList<>(topK);
    List<Float> chosenWeights = new ArrayList<>(topK);
    for (int rank = 0; rank < topK; rank++) {
      chosen.add(expert(token, rank));
      chosenWeights.add(weight(token, rank));
    }
    return new ChosenExperts(layer, chosen, chosenWeights);
  }

  void set(int token, int rank, int expert, float weight) {
    experts[token * topK + rank] = expert;
    weights[token * topK + rank] = weight;
  }
}
