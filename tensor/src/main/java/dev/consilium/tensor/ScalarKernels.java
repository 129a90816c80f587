package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/** The oracle: every operation of every kernel written out in plain Java, in its defined order. */
public final class ScalarKernels implements Kernels {
  private static final int LANES = 16;

  ScalarKernels() {}

  @Override
  public String description() {
    return "plain Java";
  }

  @Override
  public void multiply(MatmulJob job, int firstPanel, int endPanel, int firstToken, int endToken) {
    PackedMatrix weights = job.weights();
    if (weights.dtype().quantised()) {
      QuantisedTokens tokens = QuantisedTokens.of(this, job);
      ScalarQuant.multiply(job, tokens, firstPanel, endPanel, firstToken, endToken);
      return;
    }
    int endRow = Math.min(endPanel * PackedMatrix.PANEL_ROWS, weights.rows());
    for (int row = firstPanel * PackedMatrix.PANEL_ROWS; row < endRow; row++) {
      for (int token = firstToken; token < endToken; token++) {
        float sum = 0f;
        for (int k = 0; k < weights.columns(); k++) {
          sum =
              Math.fma(weights.weight(row, k), get(job.x().segment(), job.xOffset(token), k), sum);
        }
        set(job.y().segment(), job.yOffset(token), row, sum);
      }
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
    ScalarQuant.multiply(job, tokens, firstPanel, endPanel, firstToken, endToken);
  }

  @Override
  public void quantise(MemorySegment x, long xOffset, int n, MemorySegment into, long at) {
    ScalarQuant.quantise(x, xOffset, n, into, at);
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
    float[] squares = new float[LANES];
    for (int i = 0; i < n; i++) {
      float value = get(x, xOffset, i);
      squares[i % LANES] = Math.fma(value, value, squares[i % LANES]);
    }
    float factor = rmsFactor(sumOfLanes(squares), n, epsilon);
    for (int i = 0; i < n; i++) {
      set(y, yOffset, i, weight.get(weightFrom + i) * (get(x, xOffset, i) * factor));
    }
  }

  @Override
  public void centre(MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset) {
    float[] sums = new float[LANES];
    for (int i = 0; i < n; i++) {
      sums[i % LANES] += get(x, xOffset, i);
    }
    float mean = sumOfLanes(sums) / n;
    for (int i = 0; i < n; i++) {
      set(y, yOffset, i, get(x, xOffset, i) - mean);
    }
  }

  /** {@code 1 / sqrt(squares / n + epsilon)}; the root of a float through double is exact. */
  static float rmsFactor(float squares, int n, float epsilon) {
    return 1f / (float) Math.sqrt(squares / n + epsilon);
  }

  /** Adds 16 lanes at distance 8, 4, 2, 1; overwrites them. */
  static float sumOfLanes(float[] lanes) {
    for (int distance = LANES / 2; distance > 0; distance /= 2) {
      for (int i = 0; i < distance; i++) {
        lanes[i] += lanes[i + distance];
      }
    }
    return lanes[0];
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
    for (int i = 0; i < n; i++) {
      float g = get(gate, gateOffset, i);
      set(y, yOffset, i, clampedSilu(alpha, limit, g, get(up, upOffset, i)));
    }
  }

  /** See {@link Kernels#clampedSiluMultiply}. */
  static float clampedSilu(float alpha, float limit, float gate, float up) {
    float g = Math.min(gate, limit);
    float u = Math.max(-limit, Math.min(up, limit));
    return (u + 1) * (g / (1 + Exp.exp(-(alpha * g))));
  }

  @Override
  public void squaredRelu(MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset) {
    for (int i = 0; i < n; i++) {
      set(y, yOffset, i, squaredRelu(get(x, xOffset, i)));
    }
  }

  /** See {@link Kernels#squaredRelu}. */
  static float squaredRelu(float x) {
    float positive = Math.max(x, 0);
    return positive * positive;
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
    for (int i = 0; i < n; i++) {
      set(y, yOffset, i, Exp.silu(get(gate, gateOffset, i)) * get(up, upOffset, i));
    }
  }

  @Override
  public void silu(int n, MemorySegment y, long yOffset) {
    for (int i = 0; i < n; i++) {
      set(y, yOffset, i, Exp.silu(get(y, yOffset, i)));
    }
  }

  @Override
  public void sigmoidMultiply(
      MemorySegment gate, long gateOffset, int n, MemorySegment y, long yOffset) {
    for (int i = 0; i < n; i++) {
      set(y, yOffset, i, Exp.sigmoid(get(gate, gateOffset, i)) * get(y, yOffset, i));
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
    for (int i = 0; i < n; i++) {
      set(y, yOffset, i, Math.fma(get(w, wOffset, i), get(x, xOffset, i), get(y, yOffset, i)));
    }
  }

  @Override
  public void recur(StateColumns state, StateUpdate update, MemorySegment y, long yOffset) {
    ScalarRecurrence.recur(state, 0, update, y, yOffset);
  }

  @Override
  public void add(MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset) {
    for (int i = 0; i < n; i++) {
      set(y, yOffset, i, get(y, yOffset, i) + get(x, xOffset, i));
    }
  }

  @Override
  public void clamp(float limit, int n, MemorySegment y, long yOffset) {
    for (int i = 0; i < n; i++) {
      set(y, yOffset, i, clamp(limit, get(y, yOffset, i)));
    }
  }

  /** See {@link Kernels#clamp}. */
  static float clamp(float limit, float value) {
    return Math.max(-limit, Math.min(value, limit));
  }

  @Override
  public void scale(float factor, int n, MemorySegment y, long yOffset) {
    for (int i = 0; i < n; i++) {
      set(y, yOffset, i, get(y, yOffset, i) * factor);
    }
  }

  @Override
  public void multiplyAdd(
      float factor, MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset) {
    for (int i = 0; i < n; i++) {
      set(y, yOffset, i, Math.fma(factor, get(x, xOffset, i), get(y, yOffset, i)));
    }
  }

  @Override
  public void rotate(
      MemorySegment x, long xOffset, int rotaryDim, MemorySegment cosSin, long cosSinOffset) {
    int half = rotaryHalf(rotaryDim);
    for (int i = 0; i < half; i++) {
      float cos = get(cosSin, cosSinOffset, i);
      float sin = get(cosSin, cosSinOffset, half + i);
      float a = get(x, xOffset, i);
      float b = get(x, xOffset, half + i);
      set(x, xOffset, i, Math.fma(a, cos, -(b * sin)));
      set(x, xOffset, half + i, Math.fma(b, cos, a * sin));
    }
  }

  static int rotaryHalf(int rotaryDim) {
    if (rotaryDim < 0 || rotaryDim % 2 != 0) {
      throw new IllegalArgumentException("rotary dimension " + rotaryDim + "; expected even");
    }
    return rotaryDim / 2;
  }

  @Override
  public void roundToBf16(int n, MemorySegment y, long yOffset) {
    for (int i = 0; i < n; i++) {
      set(y, yOffset, i, Bf16.round(get(y, yOffset, i)));
    }
  }

  @Override
  public void attend(
      AttentionTile tile, int segment, MemorySegment scratch, MemorySegment states, long statesAt) {
    ScalarAttention.attend(tile, segment, states, statesAt);
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

  static float get(MemorySegment segment, long offset, int index) {
    return segment.get(JAVA_FLOAT, offset + (long) index * Float.BYTES);
  }

  static void set(MemorySegment segment, long offset, int index, float value) {
    segment.set(JAVA_FLOAT, offset + (long) index * Float.BYTES, value);
  }
}
