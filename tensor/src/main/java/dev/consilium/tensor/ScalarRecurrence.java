package dev.consilium.tensor;

import static dev.consilium.tensor.ScalarKernels.get;
import static dev.consilium.tensor.ScalarKernels.set;

import dev.consilium.tensor.StateUpdate.Rule;
import java.lang.foreign.MemorySegment;

/** The oracle of {@link Kernels#recur}: column by column. */
final class ScalarRecurrence {
  private ScalarRecurrence() {}

  /**
   * Some of the columns.
   *
   * @param from the first
   */
  static void recur(StateColumns state, int from, StateUpdate update, MemorySegment y, long yAt) {
    for (int column = from; column < state.count(); column++) {
      float value = get(update.values(), update.value(), column);
      if (update.rule() == Rule.CORRECT) {
        value -= remembered(state, column, update);
      }
      set(y, yAt, column, writeAndRead(state, column, update, update.strength() * value));
    }
  }

  private static float remembered(StateColumns state, int column, StateUpdate update) {
    float sum = 0f;
    for (int i = 0; i < state.keyDim(); i++) {
      float decayed = decayed(state, i, column, update.decay());
      sum = Math.fma(get(update.keys(), update.key(), i), decayed, sum);
    }
    return sum;
  }

  private static float writeAndRead(
      StateColumns state, int column, StateUpdate update, float written) {
    float sum = 0f;
    for (int i = 0; i < state.keyDim(); i++) {
      float decayed = decayed(state, i, column, update.decay());
      float next = Math.fma(get(update.keys(), update.key(), i), written, decayed);
      set(state.memory(), row(state, i), column, next);
      sum = Math.fma(get(update.keys(), update.query(), i), next, sum);
    }
    return sum;
  }

  private static float decayed(StateColumns state, int i, int column, StateDecay decay) {
    float factor =
        switch (decay) {
          case StateDecay.Factors factors ->
              get(factors.memory(), factors.at() + i * factors.rowBytes(), 0);
          case StateDecay.Rates rates ->
              Exp.exp(
                  get(rates.rates(), rates.at() + i * rates.rowBytes(), column)
                      * get(rates.steps(), rates.stepsAt(), column));
        };
    return get(state.memory(), row(state, i), column) * factor;
  }

  private static long row(StateColumns state, int i) {
    return state.at() + i * state.rowBytes();
  }
}
