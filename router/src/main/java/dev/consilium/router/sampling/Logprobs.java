package dev.consilium.router.sampling;

import java.util.ArrayList;
import java.util.List;

/**
 * Log-probabilities of one position, before temperature, penalties and truncation.
 *
 * @param chosen natural logarithm of the probability of the generated token
 * @param top the likeliest tokens, best first; of equals the lower id
 */
public record Logprobs(float chosen, List<Entry> top) {

  /** A token and the natural logarithm of its probability. */
  public record Entry(int token, float logprob) {}

  /**
   * The log-probabilities of a position.
   *
   * @param logits {@code [vocabularySize]}, as the model gave them; read, never changed
   * @param token the generated token
   * @param count how many of the likeliest to list
   */
  public static Logprobs of(float[] logits, int token, int count) {
    double logSum = logSumExp(logits);
    List<Entry> top = new ArrayList<>(count + 1);
    for (int id = 0; id < logits.length && count > 0; id++) {
      float logprob = (float) (logits[id] - logSum);
      if (top.size() < count || logprob > top.getLast().logprob()) {
        insert(top, new Entry(id, logprob), count);
      }
    }
    return new Logprobs((float) (logits[token] - logSum), List.copyOf(top));
  }

  private static void insert(List<Entry> top, Entry entry, int count) {
    int at = top.size();
    while (at > 0 && top.get(at - 1).logprob() < entry.logprob()) {
      at--;
    }
    if (at < count) {
      top.add(at, entry);
      if (top.size() > count) {
        top.removeLast();
      }
    }
  }

  private static double logSumExp(float[] logits) {
    float max = Float.NEGATIVE_INFINITY;
    for (float logit : logits) {
      max = Math.max(max, logit);
    }
    double sum = 0;
    for (float logit : logits) {
      sum += StrictMath.exp((double) logit - max);
    }
    return max + StrictMath.log(sum);
  }
}
