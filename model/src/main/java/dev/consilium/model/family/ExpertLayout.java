package dev.consilium.model.family;

/**
 * How files hold the matrices of a layer's routed experts. But for {@link #ONE_BY_ONE}, names of
 * single matrices are made up: {@code tensor[7].gate} is the gate of expert 7 in {@code tensor},
 * {@code tensor[7].up} its other half, and {@code tensor[7]} all of it. Biases are laid out alike,
 * as vectors.
 */
public enum ExpertLayout {
  /** Each matrix is a tensor. */
  ONE_BY_ONE,
  /**
   * {@code [experts, 2 * intermediateSize, hiddenSize]}, gate rows first, and {@code [experts,
   * hiddenSize, intermediateSize]}.
   */
  STACKED,
  /**
   * Transposed: {@code [experts, hiddenSize, 2 * intermediateSize]}, gate columns first, and {@code
   * [experts, intermediateSize, hiddenSize]}.
   */
  TRANSPOSED,
  /** The same with a gate column and an up column by turns. */
  TRANSPOSED_ALTERNATING,
  /**
   * Three tensors {@code [experts * intermediateSize, hiddenSize]}: gate matrices, up matrices, and
   * down matrices transposed; named as {@link #STACKED}'s down matrices are.
   */
  ROWS,
  /**
   * Two tensors of bytes for each: {@code tensor_blocks [experts, rows, columns / 32, 16]}, two
   * numbers to a byte, and their exponents {@code tensor_scales [experts, rows, columns / 32]}; a
   * gate row and an up row by turns.
   */
  MXFP4_ALTERNATING
}
