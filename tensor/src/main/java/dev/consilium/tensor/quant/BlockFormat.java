package dev.consilium.tensor.quant;

import java.lang.foreign.MemorySegment;

/**
 * A block encoding: some consecutive weights of a row share scales. Blocks are little-endian and at
 * any alignment.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">GGUF</a>
 */
public sealed interface BlockFormat
    permits Q8Block, Q4Block, Q5Block, Mxfp4Block, KBlock, Q6KBlock, ScaledFloat8Block {
  BlockFormat Q8_0 = new Q8Block();
  BlockFormat Q4_0 = new Q4Block();
  BlockFormat Q5_0 = new Q5Block();
  BlockFormat Q4_K = new KBlock(4);
  BlockFormat Q5_K = new KBlock(5);
  BlockFormat Q6_K = new Q6KBlock();
  BlockFormat MXFP4 = new Mxfp4Block();
  BlockFormat F8 = new ScaledFloat8Block();

  /** Weights of a block. */
  int elements();

  /** Bytes of a block. */
  int bytes();

  /** Decodes the block at byte {@code at} into {@code into[from]} and on. */
  void dequantise(MemorySegment block, long at, float[] into, int from);

  /**
   * Encodes {@code values[from]} and on, which must be finite, as the block at byte {@code at}.
   * Chooses the scales for a small error; values too large for a scale of the encoding saturate.
   */
  void quantise(float[] values, int from, MemorySegment block, long at);
}
