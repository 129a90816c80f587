package dev.consilium.router.gating;

import dev.consilium.model.family.GateRenormalisation;
import dev.consilium.model.family.GateSpec;
import dev.consilium.tensor.Exp;
import dev.consilium.tensor.F32Matrix;
import java.util.Arrays;

/**
 * Chooses the experts that process each token, and the weight of each, from the gate's logits.
 *
 * <ol>
 *   <li>Keep the {@code topK} largest logits. Equal logits favour the lower expert index, so that
 *       every run and every router picks the same experts.
 *   <li>Score: softmax over all logits, or over the kept ones only.
 *   <li>Renormalise the kept scores to sum to one, if the model does so.
 *   <li>Multiply by the model's scaling factor.
 * </ol>
 *
 * @see <a href="https://arxiv.org/abs/2401.04088">Mixtral of Experts, section 2.1</a>
 */
public final class GatingNetwork {
  private final GateSpec spec;

  public GatingNetwork(GateSpec spec) {
    this.spec = spec;
  }

  /**
   * Chooses for tokens {@code 0 .. tokens-1}.
   *
   * @param logits raw gate scores {@code [>= tokens, >= expertCount]}, unitless; read, never
   *     changed
   * @param tokens rows of {@code logits} to use
   * @throws ArithmeticException if a logit is not finite, which means that the hidden state
   *     overflowed
   */
  public ExpertChoices choose(F32Matrix logits, int tokens) {
    ExpertChoices choices = new ExpertChoices(tokens, spec.topK());
    float[] row = new float[logits.columns()];
    for (int token = 0; token < tokens; token++) {
      logits.readRow(token, row);
      choose(Arrays.copyOf(row, spec.expertCount()), token, choices);
    }
    return choices;
  }

  private void choose(float[] logits, int token, ExpertChoices choices) {
    checkFinite(logits, token);
    int[] best = largest(logits, spec.topK());
    float[] weights = scores(logits, best);
    if (spec.renormalisation() == GateRenormalisation.SUM) {
      divideBySum(weights);
    }
    for (int rank = 0; rank < best.length; rank++) {
      choices.set(token, rank, best[rank], weights[rank] * spec.scalingFactor());
    }
  }

  private static void checkFinite(float[] logits, int token) {
    for (int expert = 0; expert < logits.length; expert++) {
      if (!Float.isFinite(logits[expert])) {
        throw new ArithmeticException(
            "gate logit of token "
                + token
                + " for expert "
                + expert
                + " is "
                + logits[expert]
                + ": the hidden state is out of range");
      }
    }
  }

  /** Indices of the {@code k} largest logits, descending, the lower index first among equals. */
  private static int[] largest(float[] logits, int k) {
    int[] best = new int[k];
    int kept = 0;
    for (int expert = 0; expert < logits.length; expert++) {
      if (kept == k && logits[expert] <= logits[best[k - 1]]) {
        continue;
      }
      int at = kept < k ? kept++ : k - 1;
      while (at > 0 && logits[best[at - 1]] < logits[expert]) {
        best[at] = best[at - 1];
        at--;
      }
      best[at] = expert;
    }
    return best;
  }

  /** Softmax of the kept logits: the denominator runs over all experts or over the kept ones. */
  private float[] scores(float[] logits, int[] best) {
    float max = logits[best[0]];
    float[] scores = new float[best.length];
    for (int rank = 0; rank < best.length; rank++) {
      scores[rank] = Exp.exp(logits[best[rank]] - max);
    }
    float sum =
        switch (spec.score()) {
          case SOFTMAX_ALL -> sumOfExponentials(logits, max);
          case SOFTMAX_CHOSEN -> sum(scores);
        };
    for (int rank = 0; rank < best.length; rank++) {
      scores[rank] /= sum;
    }
    return scores;
  }

  private static float sumOfExponentials(float[] logits, float max) {
    float sum = 0;
    for (float logit : logits) {
      sum += Exp.exp(logit - max);
    }
    return sum;
  }

  private static void divideBySum(float[] weights) {
    float sum = sum(weights);
    for (int rank = 0; rank < weights.length; rank++) {
      weights[rank] /= sum;
    }
  }

  private static float sum(float[] values) {
    float sum = 0;
    for (float value : values) {
      sum += value;
    }
    return sum;
  }
}
