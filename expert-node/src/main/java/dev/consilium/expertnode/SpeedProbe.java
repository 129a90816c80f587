package dev.consilium.expertnode;

import dev.consilium.expertnode.execution.ExpertRows;
import dev.consilium.expertnode.execution.LayerComputation;
import dev.consilium.tensor.F32Matrix;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongSupplier;

/** Measures how long one expert takes for one token, which is what placement by speed needs. */
final class SpeedProbe {

  private static final int LEAST_RUNS = 3;
  private static final int MOST_RUNS = 25;
  private static final long BUDGET_NANOS = 100_000_000;

  private SpeedProbe() {}

  /**
   * Computes one token again and again for at most a tenth of a second.
   *
   * @param nanoTime a clock in nanoseconds
   * @return the median, in seconds
   */
  static double secondsPerExpertToken(
      LayerComputation computation, int layer, int expert, int hiddenSize, LongSupplier nanoTime) {
    F32Matrix token = F32Matrix.allocate(1, hiddenSize);
    List<ExpertRows> work = List.of(new ExpertRows(expert, new int[] {0}, new float[] {1f}));
    long begin = nanoTime.getAsLong();
    long[] nanos = new long[MOST_RUNS];
    int runs = 0;
    long before = begin;
    while (runs < MOST_RUNS && (runs < LEAST_RUNS || before - begin < BUDGET_NANOS)) {
      computation.compute(layer, token, work);
      long after = nanoTime.getAsLong();
      nanos[runs++] = after - before;
      before = after;
    }
    Arrays.sort(nanos, 0, runs);
    return nanos[runs / 2] / 1e9;
  }
}
