package dev.consilium.tensor;

import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.IS_NAN;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;

import jdk.incubator.vector.FloatVector;

/** {@link Exp} on vectors, operation by operation. */
final class VectorExp {
  private VectorExp() {}

  /** For small loops only, into which the compiler surely inlines it. */
  static FloatVector exp(FloatVector x) {
    FloatVector rounder = FloatVector.broadcast(Lanes.FLOATS, Exp.ROUNDER);
    FloatVector rounded = x.fma(FloatVector.broadcast(Lanes.FLOATS, Exp.LOG2_E), rounder);
    FloatVector n = rounded.sub(rounder);
    FloatVector r = n.fma(FloatVector.broadcast(Lanes.FLOATS, -Exp.LN2_HIGH), x);
    r = n.fma(FloatVector.broadcast(Lanes.FLOATS, -Exp.LN2_LOW), r);
    FloatVector q = FloatVector.broadcast(Lanes.FLOATS, Exp.C6);
    q = q.fma(r, FloatVector.broadcast(Lanes.FLOATS, Exp.C5));
    q = q.fma(r, FloatVector.broadcast(Lanes.FLOATS, Exp.C4));
    q = q.fma(r, FloatVector.broadcast(Lanes.FLOATS, Exp.C3));
    q = q.fma(r, FloatVector.broadcast(Lanes.FLOATS, Exp.C2));
    return q.fma(r.mul(r), r)
        .add(1f)
        .reinterpretAsInts()
        .add(rounded.reinterpretAsInts().lanewise(LSHL, 23))
        .reinterpretAsFloats()
        .blend(0f, x.compare(LT, Exp.LOWEST))
        .blend(Float.POSITIVE_INFINITY, x.compare(GT, Exp.HIGHEST))
        .blend(Float.NaN, x.test(IS_NAN));
  }
}
