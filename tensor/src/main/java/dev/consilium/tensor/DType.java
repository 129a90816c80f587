package dev.consilium.tensor;

import dev.consilium.tensor.quant.BlockFormat;
import java.util.Optional;

/**
 * How stored weights are encoded. A row is a whole number of blocks; the block of a floating point
 * type is one element, those of the others are what GGUF files hold.
 */
public enum DType {
  /** IEEE 754 binary32. */
  F32(4),
  /** The upper half of a binary32: 8 exponent bits, 7 fraction bits. */
  BF16(2),
  /** IEEE 754 binary16: 5 exponent bits, 10 fraction bits. */
  F16(2),
  /** Blocks of 32: a scale and 8 bits a weight. */
  Q8_0(BlockFormat.Q8_0),
  /** Blocks of 32: a scale and 4 bits a weight. */
  Q4_0(BlockFormat.Q4_0),
  /** Blocks of 32: a scale and 5 bits a weight. */
  Q5_0(BlockFormat.Q5_0),
  /** Blocks of 256: scales and minima for each 32, 4 bits a weight. */
  Q4_K(BlockFormat.Q4_K),
  /** Blocks of 256: scales and minima for each 32, 5 bits a weight. */
  Q5_K(BlockFormat.Q5_K),
  /** Blocks of 256: a scale for each 16, 6 bits a weight. */
  Q6_K(BlockFormat.Q6_K),
  /** Blocks of 32: a power of two and 4 bits of floating point a weight. */
  MXFP4(BlockFormat.MXFP4),
  /**
   * Blocks of 32: a binary32 and 8 bits of floating point a weight; activations stay as they are.
   */
  F8_BLOCKS(BlockFormat.F8, false),
  /** The blocks of {@link #MXFP4}; activations stay as they are. */
  F4_BLOCKS(BlockFormat.MXFP4, false);

  private final int blockElements;
  private final int blockBytes;
  private final boolean quantised;

  DType(int bytes) {
    this.blockElements = 1;
    this.blockBytes = bytes;
    this.quantised = false;
  }

  DType(BlockFormat format) {
    this(format, true);
  }

  DType(BlockFormat format, boolean quantised) {
    this.blockElements = format.elements();
    this.blockBytes = format.bytes();
    this.quantised = quantised;
  }

  /** Elements of a block: 1, 32 or 256. */
  public int blockElements() {
    return blockElements;
  }

  /** Bytes of a block. */
  public int blockBytes() {
    return blockBytes;
  }

  /** Whether products are taken with activations of 8 bits. */
  public boolean quantised() {
    return quantised;
  }

  /** The blocks of a type that has some; of the others, nothing. */
  public Optional<BlockFormat> format() {
    return switch (this) {
      case F32, BF16, F16 -> Optional.empty();
      case Q8_0 -> Optional.of(BlockFormat.Q8_0);
      case Q4_0 -> Optional.of(BlockFormat.Q4_0);
      case Q5_0 -> Optional.of(BlockFormat.Q5_0);
      case Q4_K -> Optional.of(BlockFormat.Q4_K);
      case Q5_K -> Optional.of(BlockFormat.Q5_K);
      case Q6_K -> Optional.of(BlockFormat.Q6_K);
      case MXFP4, F4_BLOCKS -> Optional.of(BlockFormat.MXFP4);
      case F8_BLOCKS -> Optional.of(BlockFormat.F8);
    };
  }

  /**
   * Bytes of a row as it is stored.
   *
   * @throws IllegalArgumentException if the row is not a whole number of blocks
   */
  public long rowBytes(long elements) {
    if (elements % blockElements != 0) {
      throw new IllegalArgumentException(
          "a row of %d elements in %s; expected a multiple of %d"
              .formatted(elements, this, blockElements));
    }
    return elements / blockElements * blockBytes;
  }

  /**
   * Bytes of one element of a type without blocks.
   *
   * @throws IllegalStateException for one with blocks, whose elements have no size of their own
   */
  public int bytes() {
    if (blockElements > 1) {
      throw new IllegalStateException(
          "an element of " + this + " has no size of its own: ask for rowBytes");
    }
    return blockBytes;
  }
}
