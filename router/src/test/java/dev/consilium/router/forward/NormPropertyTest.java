package dev.consilium.router.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.Kernels;
import dev.consilium.testkit.Seeds;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Norms equal their formulas, whichever of mean and biases they have. */
class NormPropertyTest {
  private static final int ROUNDS = 100;
  private static final float EPSILON = 1e-5f;

  private final SplittableRandom random = Seeds.random();

  @Test
  void apply_anyKind_isItsFormula() {
    for (int round = 0; round < ROUNDS; round++) {
      int size = random.nextInt(1, 200);
      float[] weight = numbers(size);
      float[] bias = numbers(size);
      boolean centres = random.nextBoolean();
      boolean biased = centres && random.nextBoolean();
      Norm norm =
          new Norm(
              F32Vector.of(weight),
              biased ? Optional.of(F32Vector.of(bias)) : Optional.empty(),
              centres,
              EPSILON);
      float[] x = numbers(size);
      double[] wanted = plain(x, weight, biased ? bias : new float[size], centres);
      F32Matrix from = F32Matrix.allocate(1, size);
      F32Matrix into = F32Matrix.allocate(1, size);
      for (int i = 0; i < size; i++) {
        from.set(0, i, x[i]);
      }
      norm.apply(Kernels.best(), from, into, 0);
      for (int i = 0; i < size; i++) {
        // Rounding of a mean of up to 200 numbers of magnitude 1, divided by a small deviation.
        assertThat((double) into.get(0, i)).isCloseTo(wanted[i], within(1e-3));
      }
    }
  }

  private static double[] plain(float[] x, float[] weight, float[] bias, boolean centres) {
    double mean = 0;
    for (float value : x) {
      mean += centres ? (double) value / x.length : 0;
    }
    double square = 0;
    for (float value : x) {
      square += (value - mean) * (value - mean) / x.length;
    }
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = (x[i] - mean) / Math.sqrt(square + EPSILON) * weight[i] + bias[i];
    }
    return y;
  }

  private float[] numbers(int count) {
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = (float) random.nextGaussian();
    }
    return numbers;
  }
}
