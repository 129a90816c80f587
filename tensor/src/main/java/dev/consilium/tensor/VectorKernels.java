package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The kernels on the Vector API: the same operations on the same numbers in the same order as
 * {@link ScalarKernels}, many lanes at a time.
 *
 * <p>Loops hold their operations written out: a helper that returns a vector may stop being inlined
 * in a large method, and then every vector becomes an object.
 */
public final class VectorKernels implements Kernels {

  VectorKernels() {}

  @Override
  public String description() {
    return "Java vectors of " + Lanes.BITS + " bits";
  }

  @Override
  public void multiply(MatmulJob job, int firstPanel, int endPanel, int firstToken, int endToken) {
    if (job.weights().dtype().quantised()) {
      QuantisedTokens tokens = QuantisedTokens.of(this, job);
      multiplyQuantised(job, tokens, firstPanel, endPanel, firstToken, endToken);
    } else {
      VectorMatmul.multiply(job, firstPanel, endPanel, firstToken, endToken);
    }
  }

  @Override
  public void multiplyQuantised(
      MatmulJob job,
      QuantisedTokens tokens,
      int firstPanel,
      int endPanel,
      int firstToken,
      int endToken) {
    VectorQuant.multiply(job, tokens, firstPanel, endPanel, firstToken, endToken);
  }

  @Override
  public void readAhead(MemorySegment weights, long at, long bytes) {
    WeightReader.readAhead(weights, at, at + bytes);
  }

  @Override
  public void quantise(MemorySegment x, long xOffset, int n, MemorySegment into, long at) {
    VectorQuant.quantise(x, xOffset, n, into, at);
  }

  @Override
  public void rmsNorm(
      MemorySegment x,
      long xOffset,
      int n,
      F32Vector weight,
      int weightFrom,
      float epsilon,
      MemorySegment y,
      long yOffset) {
    float squares = sumOfSquares(x, xOffset, n);
    float factor = ScalarKernels.rmsFactor(squares, n, epsilon);
    MemorySegment w = weight.segment();
    long wOffset = (long) weightFrom * Float.BYTES;
    int bound = FLOATS.loopBound(n);
    for (int i = 0; i < bound; i += COUNT) {
      long at = i * 4L;
      FloatVector value = FloatVector.fromMemorySegment(FLOATS, x, xOffset + at, ORDER);
      FloatVector.fromMemorySegment(FLOATS, w, wOffset + at, ORDER)
          .mul(value.mul(factor))
          .intoMemorySegment(y, yOffset + at, ORDER);
    }
    for (int i = bound; i < n; i++) {
      float value = ScalarKernels.get(x, xOffset, i) * factor;
      ScalarKernels.set(y, yOffset, i, weight.get(weightFrom + i) * value);
    }
  }

  @Override
  public void centre(MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset) {
    float mean = sum(x, xOffset, n) / n;
    int bound = FLOATS.loopBound(n);
    for (int i = 0; i < bound; i += COUNT) {
      FloatVector.fromMemorySegment(FLOATS, x, xOffset + i * 4L, ORDER)
          .sub(mean)
          .intoMemorySegment(y, yOffset + i * 4L, ORDER);
    }
    for (int i = bound; i < n; i++) {
      ScalarKernels.set(y, yOffset, i, ScalarKernels.get(x, xOffset, i) - mean);
    }
  }

  /** As {@link #sumOfSquares} has its lanes. */
  private static float sum(MemorySegment x, long xOffset, int n) {
    float[] lanes = new float[16];
    int bound = n - n % 16;
    for (int part = 0; part < 16; part += COUNT) {
      FloatVector sum = FloatVector.zero(FLOATS);
      for (int i = 0; i < bound; i += 16) {
        sum = sum.add(FloatVector.fromMemorySegment(FLOATS, x, xOffset + (i + part) * 4L, ORDER));
      }
      sum.intoArray(lanes, part);
    }
    for (int i = bound; i < n; i++) {
      lanes[i - bound] += ScalarKernels.get(x, xOffset, i);
    }
    return ScalarKernels.sumOfLanes(lanes);
  }

  /** With 16 lanes in any case: of shorter vectors, one part of the lanes after another. */
  private static float sumOfSquares(MemorySegment x, long xOffset, int n) {
    float[] lanes = new float[16];
    int bound = n - n % 16;
    for (int part = 0; part < 16; part += COUNT) {
      FloatVector sum = FloatVector.zero(FLOATS);
      for (int i = 0; i < bound; i += 16) {
        FloatVector value =
            FloatVector.fromMemorySegment(FLOATS, x, xOffset + (i + part) * 4L, ORDER);
        sum = value.fma(value, sum);
      }
      sum.intoArray(lanes, part);
    }
    for (int i = bound; i < n; i++) {
      float value = ScalarKernels.get(x, xOffset, i);
      lanes[i - bound] = Math.fma(value, value, lanes[i - bound]);
    }
    return ScalarKernels.sumOfLanes(lanes);
  }

  @Override
  public void clampedSiluMultiply(
      float alpha,
      float limit,
      MemorySegment gate,
      long gateOffset,
      MemorySegment up,
      long upOffset,
      int n,
      MemorySegment y,
      long yOffset) {
    int bound = FLOATS.loopBound(n);
    for (int i = 0; i < bound; i += COUNT) {
      long at = i * 4L;
      FloatVector g =
          FloatVector.fromMemorySegment(FLOATS, gate, gateOffset + at, ORDER).min(limit);
      FloatVector u =
          FloatVector.fromMemorySegment(FLOATS, up, upOffset + at, ORDER).min(limit).max(-limit);
      FloatVector e = VectorExp.exp(g.mul(alpha).neg());
      u.add(1f).mul(g.div(e.add(1f))).intoMemorySegment(y, yOffset + at, ORDER);
    }
    for (int i = bound; i < n; i++) {
      float g = ScalarKernels.get(gate, gateOffset, i);
      float u = ScalarKernels.get(up, upOffset, i);
      ScalarKernels.set(y, yOffset, i, ScalarKernels.clampedSilu(alpha, limit, g, u));
    }
  }

  @Override
  public void squaredRelu(MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset) {
    int bound = FLOATS.loopBound(n);
    for (int i = 0; i < bound; i += COUNT) {
      long at = i * 4L;
      FloatVector positive = FloatVector.fromMemorySegment(FLOATS, x, xOffset + at, ORDER).max(0f);
      positive.mul(positive).intoMemorySegment(y, yOffset + at, ORDER);
    }
    for (int i = bound; i < n; i++) {
      ScalarKernels.set(y, yOffset, i, ScalarKernels.squaredRelu(ScalarKernels.get(x, xOffset, i)));
    }
  }

  @Override
  public void siluMultiply(
      MemorySegment gate,
      long gateOffset,
      MemorySegment up,
      long upOffset,
      int n,
      MemorySegment y,
      long yOffset) {
    int bound = FLOATS.loopBound(n);
    for (int i = 0; i < bound; i += COUNT) {
      long at = i * 4L;
      FloatVector g = FloatVector.fromMemorySegment(FLOATS, gate, gateOffset + at, ORDER);
      FloatVector e = VectorExp.exp(g.neg());
      g.div(e.add(1f))
          .mul(FloatVector.fromMemorySegment(FLOATS, up, upOffset + at, ORDER))
          .intoMemorySegment(y, yOffset + at, ORDER);
    }
    for (int i = bound; i < n; i++) {
      float g = ScalarKernels.get(gate, gateOffset, i);
      ScalarKernels.set(y, yOffset, i, Exp.silu(g) * ScalarKernels.get(up, upOffset, i));
    }
  }

  @Override
  public void silu(int n, MemorySegment y, long yOffset) {
    int bound = FLOATS.loopBound(n);
    for (int i = 0; i < bound; i += COUNT) {
      FloatVector value = FloatVector.fromMemorySegment(FLOATS, y, yOffset + i * 4L, ORDER);
      value.div(VectorExp.exp(value.neg()).add(1f)).intoMemorySegment(y, yOffset + i * 4L, ORDER);
    }
    for (int i = bound; i < n; i++) {
      ScalarKernels.set(y, yOffset, i, Exp.silu(ScalarKernels.get(y, yOffset, i)));
    }
  }

  @Override
  public void sigmoidMultiply(
      MemorySegment gate, long gateOffset, int n, MemorySegment y, long yOffset) {
    FloatVector one = FloatVector.broadcast(FLOATS, 1f);
    int bound = FLOATS.loopBound(n);
    for (int i = 0; i < bound; i += COUNT) {
      long at = i * 4L;
      FloatVector g = FloatVector.fromMemorySegment(FLOATS, gate, gateOffset + at, ORDER);
      one.div(VectorExp.exp(g.neg()).add(1f))
          .mul(FloatVector.fromMemorySegment(FLOATS, y, yOffset + at, ORDER))
          .intoMemorySegment(y, yOffset + at, ORDER);
    }
    for (int i = bound; i < n; i++) {
      float g = Exp.sigmoid(ScalarKernels.get(gate, gateOffset, i));
      ScalarKernels.set(y, yOffset, i, g * ScalarKernels.get(y, yOffset, i));
    }
  }

  @Override
  public void multiplyAddEach(
      MemorySegment w,
      long wOffset,
      MemorySegment x,
      long xOffset,
      int n,
      MemorySegment y,
      long yOffset) {
    int bound = FLOATS.loopBound(n);
    for (int i = 0; i < bound; i += COUNT) {
      long at = i * 4L;
      FloatVector sum = FloatVector.fromMemorySegment(FLOATS, y, yOffset + at, ORDER);
      FloatVector.fromMemorySegment(FLOATS, w, wOffset + at, ORDER)
          .fma(FloatVector.fromMemorySegment(FLOATS, x, xOffset + at, ORDER), sum)
          .intoMemorySegment(y, yOffset + at, ORDER);
    }
    for (int i = bound; i < n; i++) {
      float weight = ScalarKernels.get(w, wOffset, i);
      float sum = ScalarKernels.get(y, yOffset, i);
      ScalarKernels.set(y, yOffset, i, Math.fma(weight, ScalarKernels.get(x, xOffset, i), sum));
    }
  }

  @Override
  public void recur(StateColumns state, StateUpdate update, MemorySegment y, long yOffset) {
    VectorRecurrence.recur(state, update, y, yOffset);
  }

  @Override
  public void add(MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset) {
    int bound = FLOATS.loopBound(n);
    for (int i = 0; i < bound; i += COUNT) {
      long at = i * 4L;
      FloatVector.fromMemorySegment(FLOATS, y, yOffset + at, ORDER)
          .add(FloatVector.fromMemorySegment(FLOATS, x, xOffset + at, ORDER))
          .intoMemorySegment(y, yOffset + at, ORDER);
    }
    for (int i = bound; i < n; i++) {
      float sum = ScalarKernels.get(y, yOffset, i) + ScalarKernels.get(x, xOffset, i);
      ScalarKernels.set(y, yOffset, i, sum);
    }
  }

  @Override
  public void clamp(float limit, int n, MemorySegment y, long yOffset) {
    int bound = FLOATS.loopBound(n);
    for (int i = 0; i < bound; i += COUNT) {
      long at = i * 4L;
      FloatVector.fromMemorySegment(FLOATS, y, yOffset + at, ORDER)
          .min(limit)
          .max(-limit)
          .intoMemorySegment(y, yOffset + at, ORDER);
    }
    for (int i = bound; i < n; i++) {
      ScalarKernels.set(
          y, yOffset, i, ScalarKernels.clamp(limit, ScalarKernels.get(y, yOffset, i)));
    }
  }

  @Override
  public void scale(float factor, int n, MemorySegment y, long yOffset) {
    int bound = FLOATS.loopBound(n);
    for (int i = 0; i < bound; i += COUNT) {
      long at = i * 4L;
      FloatVector.fromMemorySegment(FLOATS, y, yOffset + at, ORDER)
          .mul(factor)
          .intoMemorySegment(y, yOffset + at, ORDER);
    }
    for (int i = bound; i < n; i++) {
      ScalarKernels.set(y, yOffset, i, ScalarKernels.get(y, yOffset, i) * factor);
    }
  }

  @Override
  public void multiplyAdd(
      float factor, MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset) {
    FloatVector factors = FloatVector.broadcast(FLOATS, factor);
    int bound = FLOATS.loopBound(n);
    for (int i = 0; i < bound; i += COUNT) {
      long at = i * 4L;
      FloatVector sum = FloatVector.fromMemorySegment(FLOATS, y, yOffset + at, ORDER);
      FloatVector.fromMemorySegment(FLOATS, x, xOffset + at, ORDER)
          .fma(factors, sum)
          .intoMemorySegment(y, yOffset + at, ORDER);
    }
    for (int i = bound; i < n; i++) {
      float sum = ScalarKernels.get(y, yOffset, i);
      ScalarKernels.set(y, yOffset, i, Math.fma(factor, ScalarKernels.get(x, xOffset, i), sum));
    }
  }

  @Override
  public void rotate(
      MemorySegment x, long xOffset, int rotaryDim, MemorySegment cosSin, long cosSinOffset) {
    int half = ScalarKernels.rotaryHalf(rotaryDim);
    long toHalf = half * 4L;
    int bound = FLOATS.loopBound(half);
    for (int i = 0; i < bound; i += COUNT) {
      long at = i * 4L;
      FloatVector cos = FloatVector.fromMemorySegment(FLOATS, cosSin, cosSinOffset + at, ORDER);
      FloatVector sin =
          FloatVector.fromMemorySegment(FLOATS, cosSin, cosSinOffset + toHalf + at, ORDER);
      FloatVector a = FloatVector.fromMemorySegment(FLOATS, x, xOffset + at, ORDER);
      FloatVector b = FloatVector.fromMemorySegment(FLOATS, x, xOffset + toHalf + at, ORDER);
      a.fma(cos, b.mul(sin).neg()).intoMemorySegment(x, xOffset + at, ORDER);
      b.fma(cos, a.mul(sin)).intoMemorySegment(x, xOffset + toHalf + at, ORDER);
    }
    for (int i = bound; i < half; i++) {
      float cos = ScalarKernels.get(cosSin, cosSinOffset, i);
      float sin = ScalarKernels.get(cosSin, cosSinOffset, half + i);
      float a = ScalarKernels.get(x, xOffset, i);
      float b = ScalarKernels.get(x, xOffset, half + i);
      ScalarKernels.set(x, xOffset, i, Math.fma(a, cos, -(b * sin)));
      ScalarKernels.set(x, xOffset, half + i, Math.fma(b, cos, a * sin));
    }
  }

  @Override
  public void roundToBf16(int n, MemorySegment y, long yOffset) {
    int bound = FLOATS.loopBound(n);
    for (int i = 0; i < bound; i += COUNT) {
      long at = yOffset + i * 4L;
      IntVector bits = IntVector.fromMemorySegment(Lanes.INTS, y, at, ORDER);
      IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
      IntVector quiet = bits.or(0x0040_0000);
      bits.add(odd)
          .add(0x7fff)
          .blend(quiet, bits.and(0x7fff_ffff).compare(VectorOperators.GT, 0x7f80_0000))
          .and(0xffff_0000)
          .intoMemorySegment(y, at, ORDER);
    }
    for (int i = bound; i < n; i++) {
      ScalarKernels.set(y, yOffset, i, Bf16.round(ScalarKernels.get(y, yOffset, i)));
    }
  }

  @Override
  public void attend(
      AttentionTile tile, int segment, MemorySegment scratch, MemorySegment states, long statesAt) {
    VectorAttention.attend(tile, segment, scratch, states, statesAt);
  }

  @Override
  public void storeKeyValue(
      AttentionShape shape,
      KvBlocks cache,
      int position,
      int tokens,
      MemorySegment source,
      long keysAt,
      long valuesAt,
      long strideBytes) {
    CacheStore.store(shape, cache, position, tokens, source, keysAt, valuesAt, strideBytes);
  }
}
