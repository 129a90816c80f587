package dev.consilium.tensor.quant;

/**
 * The scale and minimum with which {@code scale * q - minimum}, q from 0 to levels, comes closest
 * to some values; both are at least 0.
 *
 * <p>The error that is made small is weighted by how far a value is from zero, for large weights
 * matter more to a product.
 *
 * <ol>
 *   <li>Tries a number of step widths around the one that spans the values exactly.
 *   <li>For each, rounds the values to levels and solves the weighted least squares for scale and
 *       minimum with those levels fixed; a minimum below 0 becomes 0.
 *   <li>Keeps what gave the smallest error.
 * </ol>
 */
record AffineFit(float scale, float minimum) {
  private static final int TRIES = 24;

  /** Levels by which the narrowest try spans the values with fewer steps than there are. */
  private static final double NARROWEST = -1.0;

  private static final double STEP = 0.1;

  static AffineFit of(float[] values, int from, int count, int levels) {
    double least = Math.min(0.0, least(values, from, count));
    double most = Math.max(least, most(values, from, count));
    if (most == least) {
      return new AffineFit(0f, (float) -least);
    }
    double[] weights = weights(values, from, count);
    double bestError = Double.POSITIVE_INFINITY;
    double[] best = {};
    for (int attempt = 0; attempt < TRIES; attempt++) {
      double stepsPerUnit = (levels + NARROWEST + attempt * STEP) / (most - least);
      int[] q = levels(values, from, count, least, stepsPerUnit, levels);
      double[] solution = solve(values, from, weights, q);
      double error = error(values, from, weights, q, solution);
      if (error < bestError) {
        bestError = error;
        best = solution;
      }
    }
    return new AffineFit((float) best[0], (float) best[1]);
  }

  private static double least(float[] values, int from, int count) {
    double least = values[from];
    for (int i = from; i < from + count; i++) {
      least = Math.min(least, values[i]);
    }
    return least;
  }

  private static double most(float[] values, int from, int count) {
    double most = values[from];
    for (int i = from; i < from + count; i++) {
      most = Math.max(most, values[i]);
    }
    return most;
  }

  private static double[] weights(float[] values, int from, int count) {
    double squares = 0;
    for (int i = from; i < from + count; i++) {
      squares += (double) values[i] * values[i];
    }
    double typical = Math.sqrt(squares / count);
    double[] weights = new double[count];
    for (int i = 0; i < count; i++) {
      weights[i] = typical + Math.abs(values[from + i]);
    }
    return weights;
  }

  private static int[] levels(
      float[] values, int from, int count, double least, double stepsPerUnit, int levels) {
    int[] q = new int[count];
    for (int i = 0; i < count; i++) {
      q[i] = (int) Math.clamp(Math.rint((values[from + i] - least) * stepsPerUnit), 0, levels);
    }
    return q;
  }

  /** Weighted least squares for scale and minimum. */
  private static double[] solve(float[] values, int from, double[] weights, int[] q) {
    double w = 0;
    double wq = 0;
    double wqq = 0;
    double wx = 0;
    double wqx = 0;
    for (int i = 0; i < q.length; i++) {
      double x = values[from + i];
      w += weights[i];
      wq += weights[i] * q[i];
      wqq += weights[i] * q[i] * q[i];
      wx += weights[i] * x;
      wqx += weights[i] * q[i] * x;
    }
    double determinant = w * wqq - wq * wq;
    double scale = determinant > 0 ? (w * wqx - wq * wx) / determinant : 0;
    double minimum = determinant > 0 ? (wq * wqx - wqq * wx) / determinant : -wx / w;
    if (minimum < 0) {
      minimum = 0;
      scale = wqq > 0 ? wqx / wqq : 0;
    }
    return new double[] {Math.max(0, scale), minimum};
  }

  private static double error(
      float[] values, int from, double[] weights, int[] q, double[] solution) {
    double sum = 0;
    for (int i = 0; i < q.length; i++) {
      double difference = solution[0] * q[i] - solution[1] - values[from + i];
      sum += weights[i] * difference * difference;
    }
    return sum;
  }
}
