package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;

/**
 * The numeric kernels. Implementations: {@link ScalarKernels} (the oracle), {@link VectorKernels},
 * and {@link NativeKernels} for some of them; they give the same bits for every argument without
 * NaN, and NaN in the same places for others.
 *
 * <p>Vectors are given as memory and a byte offset that is a multiple of 4, lengths in elements of
 * f32. Vectors may not overlap in part; an output may be the same vector as an input. Sizes are
 * checked by the memory itself ({@link IndexOutOfBoundsException}).
 *
 * <p>Threading: stateless; any number of threads at once.
 */
public sealed interface Kernels permits ScalarKernels, VectorKernels, NativeKernels {

  /** The fastest kernels of this machine. */
  static Kernels best() {
    return KernelChoice.BEST;
  }

  /**
   * Begins to choose the fastest kernels, for a process that will need them soon: to unpack, link
   * and check them takes as long as to read the header of a model. {@link #best} waits for it.
   */
  static void chooseAhead() {
    Thread.ofPlatform().daemon().name("kernel-choice").start(Kernels::best);
  }

  /** The oracle: plain Java, every operation written out. */
  static Kernels scalar() {
    return KernelChoice.SCALAR;
  }

  /** What computes, for people. */
  String description();

  /**
   * Whether a product of quantised weights and many tokens begins with bringing all the activations
   * into an order of its own, so that tasks should have many panels.
   */
  default boolean gathersTokens() {
    return false;
  }

  /**
   * Computes some panels of 64 output rows of a product for some of its tokens.
   *
   * <p>Each output is one chain {@code acc = fma(weight[row][k], x[k], acc)} over ascending k,
   * starting from +0. Quantised weights are multiplied as {@link #multiplyQuantised} says, with
   * activations that are quantised here.
   */
  void multiply(MatmulJob job, int firstPanel, int endPanel, int firstToken, int endToken);

  /**
   * Computes some panels of 16 output rows of a product of quantised weights for some of its
   * tokens.
   *
   * <p>Each output is one chain over ascending groups of 32 columns (16 for Q6_K) that share a
   * scale of the weights, starting from +0: with the exact integer {@code s}, the sum of the
   * products of the group's quants of weights and activations, {@code acc = fma((float) s, scale of
   * the weights * scale of the activations, acc)}; where weights have minima then {@code acc =
   * fma(minimum, -(scale of the activations * sum of their quants), acc)}. The scale and the
   * minimum of the weights are exact products, too.
   *
   * @param tokens the activations that {@link #quantise} made of the job's rows of x
   */
  void multiplyQuantised(
      MatmulJob job,
      QuantisedTokens tokens,
      int firstPanel,
      int endPanel,
      int firstToken,
      int endToken);

  /**
   * Writes stored blocks of quantised weights as panels.
   *
   * @param rows of 16 rows for each panel, one behind the other
   * @param columns of a row, whole blocks
   * @param panels one or more of {@link QuantLayout#panelBytes}
   * @return the first row with a scale that is infinite, NaN or too large; -1 if there is none
   */
  default int pack(QuantLayout layout, MemorySegment rows, int columns, MemorySegment panels) {
    long rowBytes = layout.dtype().rowBytes(columns);
    long panelBytes = layout.panelBytes(columns);
    for (int row = 0; row < rows.byteSize() / rowBytes; row++) {
      MemorySegment panel = panels.asSlice(row / QuantLayout.ROWS * panelBytes, panelBytes);
      if (layout.packRow(rows, row * rowBytes, panel, columns, row % QuantLayout.ROWS) >= 0) {
        return row;
      }
    }
    return -1;
  }

  /**
   * Writes stored weights of a floating point type without blocks as panels.
   *
   * @param rows of {@link PackedMatrix#PANEL_ROWS} rows for each panel, one behind the other
   * @param columns of a row
   * @param panels one or more
   * @return the first row with a weight that is infinite or NaN; -1 if there is none
   */
  default int pack(DType dtype, MemorySegment rows, int columns, MemorySegment panels) {
    return PanelPacker.pack(dtype, rows, columns, panels);
  }

  /**
   * Quantises activations in blocks of 32 to 8 bits: with {@code m} the largest magnitude, {@code q
   * = x * (127 / m)} rounded to the nearest, ties to even, and scale {@code m / 127}. Blocks with
   * {@code m < 2^-119} become zeros; in blocks with infinities or NaN, q is 0 and the scale NaN.
   *
   * @param n a multiple of 32
   * @param into {@code n / 32} blocks of 64 bytes, laid out as {@link QuantBlock} says
   */
  void quantise(MemorySegment x, long xOffset, int n, MemorySegment into, long at);

  /**
   * {@code y[i] = weight[weightFrom + i] * (x[i] * (1 / sqrt(mean(x^2) + epsilon)))}.
   *
   * <p>The sum of squares has 16 lanes: lane j sums {@code i = j mod 16} in ascending order by fma;
   * then lanes are added at distance 8, 4, 2, 1.
   *
   * @see <a href="https://arxiv.org/abs/1910.07467">Root Mean Square Layer Normalization</a>
   */
  void rmsNorm(
      MemorySegment x,
      long xOffset,
      int n,
      F32Vector weight,
      int weightFrom,
      float epsilon,
      MemorySegment y,
      long yOffset);

  /** {@link #rmsNorm} in place, of vectors one behind the other with the same weight: of heads. */
  default void rmsNormEach(
      int count, int n, F32Vector weight, float epsilon, MemorySegment y, long yOffset) {
    for (int i = 0; i < count; i++) {
      long at = yOffset + (long) i * n * Float.BYTES;
      rmsNorm(y, at, n, weight, 0, epsilon, y, at);
    }
  }

  /**
   * {@code y[i] = x[i] - mean(x)}; with {@link #rmsNorm} behind it, a layer norm without biases.
   *
   * <p>The sum has 16 lanes: lane j sums {@code i = j mod 16} in ascending order; then lanes are
   * added at distance 8, 4, 2, 1.
   *
   * @see <a href="https://arxiv.org/abs/1607.06450">Layer Normalization</a>
   */
  void centre(MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset);

  /** {@code y = gate / (1 + e^-gate) * up}. */
  void siluMultiply(
      MemorySegment gate,
      long gateOffset,
      MemorySegment up,
      long upOffset,
      int n,
      MemorySegment y,
      long yOffset);

  /** {@code y = y / (1 + e^-y)}. */
  void silu(int n, MemorySegment y, long yOffset);

  /** {@code y = 1 / (1 + e^-gate) * y}. */
  void sigmoidMultiply(MemorySegment gate, long gateOffset, int n, MemorySegment y, long yOffset);

  /**
   * {@code y = (u + 1) * (g / (1 + e^-(alpha g)))} with {@code g = min(gate, limit)} and {@code u =
   * max(-limit, min(up, limit))}.
   */
  void clampedSiluMultiply(
      float alpha,
      float limit,
      MemorySegment gate,
      long gateOffset,
      MemorySegment up,
      long upOffset,
      int n,
      MemorySegment y,
      long yOffset);

  /** {@code y = max(x, 0)^2}. */
  void squaredRelu(MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset);

  /** {@code y += x}. */
  void add(MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset);

  /** {@code y = max(-limit, min(y, limit))}. */
  void clamp(float limit, int n, MemorySegment y, long yOffset);

  /** {@code y *= factor}. */
  void scale(float factor, int n, MemorySegment y, long yOffset);

  /** {@code y = fma(factor, x, y)}. */
  void multiplyAdd(
      float factor, MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset);

  /** {@code y[i] = fma(w[i], x[i], y[i])}. */
  void multiplyAddEach(
      MemorySegment w,
      long wOffset,
      MemorySegment x,
      long xOffset,
      int n,
      MemorySegment y,
      long yOffset);

  /**
   * One token of a linear recurrence with decay, for some columns of the state S of a head. For
   * every column j by itself, with {@code D[i][j] = S[i][j] * decay[i][j]}, see {@link StateDecay}:
   *
   * <ol>
   *   <li>remembered: a chain {@code acc = fma(key[i], D[i][j], acc)} over ascending i, starting
   *       from +0; only where the rule corrects.
   *   <li>written: {@code (value[j] - remembered) * strength}.
   *   <li>{@code S[i][j] = fma(key[i], written, D[i][j])}.
   *   <li>{@code y[j]}: a chain {@code acc = fma(query[i], S[i][j], acc)} over ascending i, from
   *       +0.
   * </ol>
   *
   * @param y written; may not overlap what is read
   * @see <a href="https://arxiv.org/abs/2412.06464">Gated Delta Networks</a>
   * @see <a href="https://arxiv.org/abs/2405.21060">Mamba2: structured state space duality</a>
   */
  void recur(StateColumns state, StateUpdate update, MemorySegment y, long yOffset);

  /**
   * Rotary position embedding in place, pairs being {@code (i, i + rotaryDim / 2)}: {@code a' =
   * fma(a, cos, -(b sin))}, {@code b' = fma(b, cos, a sin)}.
   *
   * @param rotaryDim even; elements of x past it stay
   * @param cosSin {@code rotaryDim / 2} cosines, then as many sines
   * @see <a href="https://arxiv.org/abs/2104.09864">RoFormer</a>
   */
  void rotate(
      MemorySegment x, long xOffset, int rotaryDim, MemorySegment cosSin, long cosSinOffset);

  /** {@link #rotate} of vectors of {@code n} elements, one behind the other: of heads. */
  default void rotateEach(
      int count,
      int n,
      MemorySegment x,
      long xOffset,
      int rotaryDim,
      MemorySegment cosSin,
      long cosSinOffset) {
    for (int i = 0; i < count; i++) {
      rotate(x, xOffset + (long) i * n * Float.BYTES, rotaryDim, cosSin, cosSinOffset);
    }
  }

  /** Rounds to the nearest bfloat16, ties to even, kept as f32. NaN stays NaN. */
  void roundToBf16(int n, MemorySegment y, long yOffset);

  /**
   * Attention of a tile to the keys of one segment: {@link AttentionStates} of every row. Rows that
   * see no key of the segment get anything.
   *
   * <p>Everything is at absolute positions, so a result does not depend on what else is computed:
   *
   * <ol>
   *   <li>the elements of a query are multiplied by the scale.
   *   <li>segments of {@value AttentionTile#SEGMENT} keys, in spans of 64. Score of a key: one
   *       chain {@code acc = fma(key, query, acc)} over ascending elements, starting from +0.
   *   <li>maximum of the scores so far; where a span changes it from m to m', the sum and the
   *       outputs so far are multiplied by e^(m - m').
   *   <li>weight of a key: e^(score - maximum), added to lane (position mod 16) of the sum, keys
   *       ascending.
   *   <li>output: {@code fma(weight, value, output)}, keys ascending.
   *   <li>at the end of a segment the lanes of the sum are added at distance 8, 4, 2, 1.
   *   <li>segments are combined in ascending order: with {@code h} the higher maximum of those
   *       before (b) and this one (s), {@code output = fma(output_s, e^(m_s - h), output_b * e^(m_b
   *       - h))}, and so the sum.
   *   <li>result: {@code output * (1 / sum)}; with a sink of score {@code s} and {@code h} the
   *       higher of it and the maximum m, {@code output * (k / fma(sum, k, e^(s - h)))}, {@code k =
   *       e^(m - h)}.
   * </ol>
   *
   * Cache slots outside the range of keys of a row are not used, whatever they hold. NaN and
   * infinities among what a row sees give NaN.
   *
   * @param scratch memory of {@link AttentionMemory#scratchBytes}, overwritten
   * @param states written
   * @see <a href="https://arxiv.org/abs/2205.14135">FlashAttention</a>
   */
  void attend(
      AttentionTile tile, int segment, MemorySegment scratch, MemorySegment states, long statesAt);

  /**
   * The result of rows that see one segment, and have no sinks.
   *
   * @param states of the rows after {@link #attend}, read
   * @param y results {@code [rows, valueDim]}, one behind the other, written
   */
  default void finishRows(
      AttentionShape shape,
      int rows,
      MemorySegment states,
      long statesAt,
      MemorySegment y,
      long yAt) {
    AttentionStates.finishRows(this, shape, rows, states, statesAt, y, yAt);
  }

  /**
   * Stores keys and values of some consecutive tokens, all key/value heads, as the shape's dtype
   * says, rounded to the nearest, ties to even.
   *
   * <p>A finite number beyond the range of a binary16 or bfloat16 becomes the largest finite one.
   * Infinities and NaN stay what they are, so that the sequence fails where the router looks for
   * them. {@link KvDType#Q8_0}: with {@code m} the largest magnitude of a group of 32 elements of a
   * head, {@code q = x * (127 / m)}, scale {@code m / 127}; groups with {@code m < 2^-119} become
   * zeros, groups with infinities or NaN become NaN.
   *
   * @param source f32; keys of token t {@code [kvHeads][headDim]}, rotated already, {@code t *
   *     strideBytes} bytes behind {@code keysAt}; values likewise
   */
  void storeKeyValue(
      AttentionShape shape,
      KvBlocks cache,
      int position,
      int tokens,
      MemorySegment source,
      long keysAt,
      long valuesAt,
      long strideBytes);

  /**
   * Brings weights into this thread's cache, if there is a way. A hint: weights that are closed
   * before or meanwhile do no harm.
   */
  default void readAhead(MemorySegment weights, long at, long bytes) {}
}
