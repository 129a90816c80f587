package dev.consilium.router.forward;

import java.util.Arrays;
import java.util.List;

/** Formulas in double, without a thought for speed. */
final class Plain {
  private Plain() {}

  static double[] product(float[] matrix, double[] x) {
    double[] y = new double[matrix.length / x.length];
    for (int i = 0; i < y.length; i++) {
      for (int k = 0; k < x.length; k++) {
        y[i] += matrix[i * x.length + k] * x[k];
      }
    }
    return y;
  }

  /** The convolution of the last of some inputs, by taps {@code [taps, channels]}. */
  static double[] convolved(List<double[]> inputs, float[] taps, float[] bias) {
    double[] y = doubles(bias);
    int count = taps.length / bias.length;
    for (int c = 0; c < y.length; c++) {
      for (int back = 0; back < count && back < inputs.size(); back++) {
        y[c] += taps[(count - 1 - back) * y.length + c] * inputs.get(inputs.size() - 1 - back)[c];
      }
    }
    return y;
  }

  static double[] rmsNorm(double[] x, float[] weight, double epsilon) {
    double factor = 1 / Math.sqrt(dot(x, x) / x.length + epsilon);
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = x[i] * factor * weight[i];
    }
    return y;
  }

  static double[] doubles(float[] values) {
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }

  static double[] plus(double[] a, float[] b) {
    double[] sum = a.clone();
    for (int i = 0; i < b.length; i++) {
      sum[i] += b[i];
    }
    return sum;
  }

  static double[] part(double[] values, int from, int count) {
    return Arrays.copyOfRange(values, from, from + count);
  }

  static double[] times(double[] values, double factor) {
    return Arrays.stream(values).map(value -> value * factor).toArray();
  }

  static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  static double silu(double x) {
    return x / (1 + Math.exp(-x));
  }

  static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  static double softplus(double x) {
    return Math.log1p(Math.exp(x));
  }
}
