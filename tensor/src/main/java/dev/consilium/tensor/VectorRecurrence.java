package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.BYTES;
import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.consilium.tensor.StateUpdate.Rule;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * {@link ScalarRecurrence} on vectors: lanes are columns. Four vectors of columns go through the
 * rows together, so that the chains of sums of one wait behind the others'.
 */
final class VectorRecurrence {
  private VectorRecurrence() {}

  static void recur(StateColumns state, StateUpdate update, MemorySegment y, long yAt) {
    int column =
        switch (update.decay()) {
          case StateDecay.Factors factors -> byFactors(state, update, factors, y, yAt);
          case StateDecay.Rates rates -> byRates(state, update, rates, y, yAt);
        };
    ScalarRecurrence.recur(state, column, update, y, yAt);
  }

  /** Whole vectors of columns; returns how many columns those are. */
  private static int byFactors(
      StateColumns state, StateUpdate update, StateDecay.Factors decay, MemorySegment y, long yAt) {
    int column = 0;
    for (; column + 4 * COUNT <= state.count(); column += 4 * COUNT) {
      columns4(state, state.at() + 4L * column, update, decay, 4L * column, y, yAt);
    }
    for (; column + COUNT <= state.count(); column += COUNT) {
      columns1(state, state.at() + 4L * column, update, decay, 4L * column, y, yAt);
    }
    return column;
  }

  private static void columns4(
      StateColumns state,
      long at,
      StateUpdate update,
      StateDecay.Factors decays,
      long column,
      MemorySegment y,
      long yAt) {
    MemorySegment x = update.keys();
    MemorySegment v = update.values();
    long values = update.value() + column;
    FloatVector w0 = FloatVector.fromMemorySegment(FLOATS, v, values, ORDER);
    FloatVector w1 = FloatVector.fromMemorySegment(FLOATS, v, values + BYTES, ORDER);
    FloatVector w2 = FloatVector.fromMemorySegment(FLOATS, v, values + 2 * BYTES, ORDER);
    FloatVector w3 = FloatVector.fromMemorySegment(FLOATS, v, values + 3 * BYTES, ORDER);
    MemorySegment factors = decays.memory();
    long factorAt = decays.at();
    long factorBytes = decays.rowBytes();
    MemorySegment memory = state.memory();
    long rowBytes = state.rowBytes();
    int keyDim = state.keyDim();
    if (update.rule() == Rule.CORRECT) {
      FloatVector r0 = FloatVector.zero(FLOATS);
      FloatVector r1 = r0;
      FloatVector r2 = r0;
      FloatVector r3 = r0;
      for (int i = 0; i < keyDim; i++) {
        long row = at + i * rowBytes;
        FloatVector key = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, update.key() + 4L * i));
        FloatVector decay =
            FloatVector.broadcast(FLOATS, factors.get(JAVA_FLOAT, factorAt + i * factorBytes));
        r0 = key.fma(FloatVector.fromMemorySegment(FLOATS, memory, row, ORDER).mul(decay), r0);
        r1 =
            key.fma(
                FloatVector.fromMemorySegment(FLOATS, memory, row + BYTES, ORDER).mul(decay), r1);
        r2 =
            key.fma(
                FloatVector.fromMemorySegment(FLOATS, memory, row + 2 * BYTES, ORDER).mul(decay),
                r2);
        r3 =
            key.fma(
                FloatVector.fromMemorySegment(FLOATS, memory, row + 3 * BYTES, ORDER).mul(decay),
                r3);
      }
      w0 = w0.sub(r0);
      w1 = w1.sub(r1);
      w2 = w2.sub(r2);
      w3 = w3.sub(r3);
    }
    w0 = w0.mul(update.strength());
    w1 = w1.mul(update.strength());
    w2 = w2.mul(update.strength());
    w3 = w3.mul(update.strength());
    FloatVector y0 = FloatVector.zero(FLOATS);
    FloatVector y1 = y0;
    FloatVector y2 = y0;
    FloatVector y3 = y0;
    for (int i = 0; i < keyDim; i++) {
      long row = at + i * rowBytes;
      FloatVector decay =
          FloatVector.broadcast(FLOATS, factors.get(JAVA_FLOAT, factorAt + i * factorBytes));
      FloatVector key = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, update.key() + 4L * i));
      FloatVector query = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, update.query() + 4L * i));
      FloatVector s0 = FloatVector.fromMemorySegment(FLOATS, memory, row, ORDER);
      FloatVector s1 = FloatVector.fromMemorySegment(FLOATS, memory, row + BYTES, ORDER);
      FloatVector s2 = FloatVector.fromMemorySegment(FLOATS, memory, row + 2 * BYTES, ORDER);
      FloatVector s3 = FloatVector.fromMemorySegment(FLOATS, memory, row + 3 * BYTES, ORDER);
      s0 = key.fma(w0, s0.mul(decay));
      s1 = key.fma(w1, s1.mul(decay));
      s2 = key.fma(w2, s2.mul(decay));
      s3 = key.fma(w3, s3.mul(decay));
      s0.intoMemorySegment(memory, row, ORDER);
      s1.intoMemorySegment(memory, row + BYTES, ORDER);
      s2.intoMemorySegment(memory, row + 2 * BYTES, ORDER);
      s3.intoMemorySegment(memory, row + 3 * BYTES, ORDER);
      y0 = query.fma(s0, y0);
      y1 = query.fma(s1, y1);
      y2 = query.fma(s2, y2);
      y3 = query.fma(s3, y3);
    }
    y0.intoMemorySegment(y, yAt + column, ORDER);
    y1.intoMemorySegment(y, yAt + column + BYTES, ORDER);
    y2.intoMemorySegment(y, yAt + column + 2 * BYTES, ORDER);
    y3.intoMemorySegment(y, yAt + column + 3 * BYTES, ORDER);
  }

  private static void columns1(
      StateColumns state,
      long at,
      StateUpdate update,
      StateDecay.Factors decays,
      long column,
      MemorySegment y,
      long yAt) {
    MemorySegment x = update.keys();
    MemorySegment memory = state.memory();
    MemorySegment factors = decays.memory();
    long factorAt = decays.at();
    long factorBytes = decays.rowBytes();
    FloatVector w =
        FloatVector.fromMemorySegment(FLOATS, update.values(), update.value() + column, ORDER);
    if (update.rule() == Rule.CORRECT) {
      FloatVector remembered = FloatVector.zero(FLOATS);
      for (int i = 0; i < state.keyDim(); i++) {
        FloatVector key = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, update.key() + 4L * i));
        FloatVector decay =
            FloatVector.broadcast(FLOATS, factors.get(JAVA_FLOAT, factorAt + i * factorBytes));
        FloatVector s =
            FloatVector.fromMemorySegment(FLOATS, memory, at + i * state.rowBytes(), ORDER);
        remembered = key.fma(s.mul(decay), remembered);
      }
      w = w.sub(remembered);
    }
    w = w.mul(update.strength());
    FloatVector sum = FloatVector.zero(FLOATS);
    for (int i = 0; i < state.keyDim(); i++) {
      long row = at + i * state.rowBytes();
      FloatVector decay =
          FloatVector.broadcast(FLOATS, factors.get(JAVA_FLOAT, factorAt + i * factorBytes));
      FloatVector key = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, update.key() + 4L * i));
      FloatVector query = FloatVector.broadcast(FLOATS, x.get(JAVA_FLOAT, update.query() + 4L * i));
      FloatVector s = FloatVector.fromMemorySegment(FLOATS, memory, row, ORDER);
      s = key.fma(w, s.mul(decay));
      s.intoMemorySegment(memory, row, ORDER);
      sum = query.fma(s, sum);
    }
    sum.intoMemorySegment(y, yAt + column, ORDER);
  }

  /** Whole vectors of columns whose elements all decay differently; returns how many columns. */
  private static int byRates(
      StateColumns state, StateUpdate update, StateDecay.Rates decay, MemorySegment y, long yAt) {
    int column = 0;
    for (; column + COUNT <= state.count(); column += COUNT) {
      FloatVector value =
          FloatVector.fromMemorySegment(
              FLOATS, update.values(), update.value() + 4L * column, ORDER);
      if (update.rule() == Rule.CORRECT) {
        value = value.sub(remembered(state, 4L * column, update, decay));
      }
      writeAndRead(state, 4L * column, update, decay, value.mul(update.strength()))
          .intoMemorySegment(y, yAt + 4L * column, ORDER);
    }
    return column;
  }

  private static FloatVector remembered(
      StateColumns state, long column, StateUpdate update, StateDecay.Rates decay) {
    FloatVector step =
        FloatVector.fromMemorySegment(FLOATS, decay.steps(), decay.stepsAt() + column, ORDER);
    FloatVector sum = FloatVector.zero(FLOATS);
    for (int i = 0; i < state.keyDim(); i++) {
      float key = update.keys().get(JAVA_FLOAT, update.key() + 4L * i);
      sum = decayed(state, i, column, decay, step).fma(FloatVector.broadcast(FLOATS, key), sum);
    }
    return sum;
  }

  private static FloatVector writeAndRead(
      StateColumns state,
      long column,
      StateUpdate update,
      StateDecay.Rates decay,
      FloatVector written) {
    FloatVector step =
        FloatVector.fromMemorySegment(FLOATS, decay.steps(), decay.stepsAt() + column, ORDER);
    FloatVector sum = FloatVector.zero(FLOATS);
    for (int i = 0; i < state.keyDim(); i++) {
      float key = update.keys().get(JAVA_FLOAT, update.key() + 4L * i);
      float query = update.keys().get(JAVA_FLOAT, update.query() + 4L * i);
      FloatVector next =
          written.fma(FloatVector.broadcast(FLOATS, key), decayed(state, i, column, decay, step));
      next.intoMemorySegment(state.memory(), state.at() + i * state.rowBytes() + column, ORDER);
      sum = next.fma(FloatVector.broadcast(FLOATS, query), sum);
    }
    return sum;
  }

  private static FloatVector decayed(
      StateColumns state, int i, long column, StateDecay.Rates decay, FloatVector step) {
    FloatVector rate =
        FloatVector.fromMemorySegment(
            FLOATS, decay.rates(), decay.at() + i * decay.rowBytes() + column, ORDER);
    return FloatVector.fromMemorySegment(
            FLOATS, state.memory(), state.at() + i * state.rowBytes() + column, ORDER)
        .mul(VectorExp.exp(rate.mul(step)));
  }
}
