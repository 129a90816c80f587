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

  /** The oracle: plain Java, every operation written out. */
  static Kernels scalar() {
    return KernelChoice.SCALAR;
  }

  /** What computes, for people. */
  String description();

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

  /** {@code y = gate / (1 + e^-gate) * up}. */
  void siluMultiply(
      MemorySegment gate,
      long gateOffset,
      MemorySegment up,
      long upOffset,
      int n,
      MemorySegment y,
      long yOffset);

  /** {@code y += x}. */
  void add(MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset);

  /** {@code y *= factor}. */
  void scale(float factor, int n, MemorySegment y, long yOffset);

  /** {@code y = fma(factor, x, y)}. */
  void multiplyAdd(
      float factor, MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset);

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

  /** Rounds to the nearest bfloat16, ties to even, kept as f32. NaN stays NaN. */
  void roundToBf16(int n, MemorySegment y, long yOffset);

  /**
   * Attention of one token: all query heads of one key/value head over the keys {@code firstKey} to
   * {@code endKey - 1}.
   *
   * <p>Walks the keys in blocks of 16 at absolute positions, so the result does not depend on what
   * else is computed:
   *
   * <ol>
   *   <li>score of a key: four chains of fma over d = 0, 1, 2, 3 mod 4, ascending, added as {@code
   *       (c0 + c1) + (c2 + c3)}, times scale.
   *   <li>running maximum; where it changes by m - m', sums and outputs are scaled by e^(m - m').
   *   <li>weight of a key: e^(score - maximum), added to lane (position mod 16) of the sum.
   *   <li>output: fma(weight, value, output), keys ascending.
   *   <li>at the end output / sum, the lanes of the sum added at distance 8, 4, 2, 1.
   * </ol>
   *
   * Cache slots outside the range of keys are not used, whatever they hold.
   *
   * @param query {@code [shape.headsPerKvHead()][headDim]}, those heads only
   * @param out as {@code query}; may not be the same memory
   * @see <a href="https://arxiv.org/abs/2205.14135">FlashAttention</a>
   */
  void attend(
      AttentionShape shape,
      MemorySegment query,
      long queryOffset,
      KvBlocks cache,
      int kvHead,
      int firstKey,
      int endKey,
      MemorySegment out,
      long outOffset);

  /**
   * Stores key and value of one token, all key/value heads.
   *
   * @param key {@code [kvHeads][headDim]}, rotated already
   * @param value {@code [kvHeads][headDim]}
   */
  void storeKeyValue(
      AttentionShape shape,
      KvBlocks cache,
      int position,
      MemorySegment key,
      long keyOffset,
      MemorySegment value,
      long valueOffset);
}
