package dev.consilium.router.sampling;

import java.util.Arrays;

/**
 * The tokens that may be drawn, by descending weight and, among equals, ascending id; with no
 * truncation in ascending id.
 *
 * <p>A full sort of a vocabulary of 150,000 costs more than the model's head, so the best few
 * hundred are taken first; only a distribution so flat that they do not reach top-p is sorted
 * whole.
 */
final class Candidates {
  private static final int FIRST_LOOK = 512;

  private final int[] ids;
  private final float[] weights;
  private final int count;

  private Candidates(int[] ids, float[] weights, int count) {
    this.ids = ids;
    this.weights = weights;
    this.count = count;
  }

  /**
   * @param weights {@code [vocabularySize]}, proportional to probability, 1 for the best
   */
  static Candidates of(float[] weights, SamplingParameters parameters) {
    boolean ranked = parameters.topK() > 0 || parameters.topP() < 1;
    int wanted =
        parameters.topK() > 0 ? Math.min(parameters.topK(), weights.length) : weights.length;
    if (!ranked) {
      return new Candidates(identity(weights.length), weights, weights.length)
          .atLeast(parameters.minP());
    }
    double total = 0;
    if (parameters.topK() == 0) {
      for (float weight : weights) {
        total += weight;
      }
    }
    Candidates few = best(weights, Math.min(wanted, FIRST_LOOK));
    if (few.count < wanted && !few.reaches(parameters.topP() * total, parameters)) {
      few = best(weights, wanted);
    }
    double mass = parameters.topK() > 0 ? few.sum() : total;
    return few.untilMass(parameters.topP() * mass).atLeast(parameters.minP());
  }

  /** The id whose share of the weights, laid end to end, holds {@code fraction} in [0, 1). */
  int at(double fraction) {
    double target = fraction * sum();
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += weights[i];
      if (target < sum) {
        return ids[i];
      }
    }
    return ids[lastPositive()];
  }

  private int lastPositive() {
    int last = count - 1;
    while (last > 0 && weights[last] == 0) {
      last--;
    }
    return last;
  }

  private boolean reaches(double mass, SamplingParameters parameters) {
    return parameters.topK() == 0 && parameters.topP() < 1 && sum() >= mass;
  }

  private double sum() {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += weights[i];
    }
    return sum;
  }

  /** The shortest beginning whose weight reaches {@code mass}; at least one. */
  private Candidates untilMass(double mass) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += weights[i];
      if (sum >= mass) {
        return new Candidates(ids, weights, i + 1);
      }
    }
    return this;
  }

  /** Those not less probable than {@code minP} times the best, whose weight is 1. */
  private Candidates atLeast(float minP) {
    if (minP == 0) {
      return this;
    }
    int[] keptIds = new int[count];
    float[] keptWeights = new float[count];
    int kept = 0;
    for (int i = 0; i < count; i++) {
      if (weights[i] >= minP) {
        keptIds[kept] = ids[i];
        keptWeights[kept++] = weights[i];
      }
    }
    return new Candidates(keptIds, keptWeights, kept);
  }

  /** The {@code n} largest, sorted. */
  private static Candidates best(float[] weights, int n) {
    // One long per token orders by weight descending, then id ascending: weights are not negative,
    // so their bits order as they do.
    long[] keys = new long[weights.length];
    for (int id = 0; id < weights.length; id++) {
      keys[id] = ((long) (Integer.MAX_VALUE - Float.floatToRawIntBits(weights[id])) << 32) | id;
    }
    smallestFirst(keys, n);
    int[] ids = new int[n];
    float[] sorted = new float[n];
    for (int i = 0; i < n; i++) {
      ids[i] = (int) keys[i];
      sorted[i] = weights[ids[i]];
    }
    return new Candidates(ids, sorted, n);
  }

  /**
   * Brings the {@code n} smallest keys to the front, sorted: a quickselect, then a sort of the
   * front.
   */
  private static void smallestFirst(long[] keys, int n) {
    int low = 0;
    int high = keys.length - 1;
    while (low < high && n < keys.length) {
      long pivot = keys[(low + high) >>> 1];
      int i = low;
      int j = high;
      while (i <= j) {
        while (keys[i] < pivot) {
          i++;
        }
        while (keys[j] > pivot) {
          j--;
        }
        if (i <= j) {
          long swapped = keys[i];
          keys[i++] = keys[j];
          keys[j--] = swapped;
        }
      }
      if (n - 1 <= j) {
        high = j;
      } else if (n - 1 >= i) {
        low = i;
      } else {
        break;
      }
    }
    Arrays.sort(keys, 0, n);
  }

  private static int[] identity(int n) {
    int[] ids = new int[n];
    Arrays.setAll(ids, i -> i);
    return ids;
  }
}
